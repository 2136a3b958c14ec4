// mongo-java-server on a free loopback port, told on standard output, until standard input ends: so
// it never outlives the test that started it.
import de.bwaldvogel.mongo.MongoServer;
import de.bwaldvogel.mongo.backend.memory.MemoryBackend;

public class MongoPeer {
    public static void main(String[] arguments) throws Exception {
        MongoServer server = new MongoServer(new MemoryBackend());
        System.out.println("mongodb port " + server.bind().getPort());
        System.out.flush();
        while (System.in.read() >= 0) {
        }
        server.shutdownNow();
    }
}
