// A client of the bus in Go with mangos: submits a job and reads its result, or follows events.
// It survives a restart of the daemon: REQ asks again by itself, and no event is missed or told twice.
//
//	client FOLDER submit KEY          prints {"id": …, "result": …}
//	client FOLDER follow CURSOR COUNT prints COUNT events after number CURSOR, one a line
package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log"
	"os"
	"strconv"
	"time"

	"go.nanomsg.org/mangos/v3"
	"go.nanomsg.org/mangos/v3/protocol/req"
	"go.nanomsg.org/mangos/v3/protocol/sub"
	_ "go.nanomsg.org/mangos/v3/transport/ipc"
)

type object = map[string]any

func must[T any](value T, err error) T {
	if err != nil {
		log.Fatal(err)
	}
	return value
}

func dial(make func() (mangos.Socket, error), url string, wait time.Duration) mangos.Socket {
	socket := must(make())
	must(0, socket.SetOption(mangos.OptionRecvDeadline, wait))
	return must(socket, socket.DialOptions(url, object{mangos.OptionDialAsynch: true,
		mangos.OptionReconnectTime: 50 * time.Millisecond, mangos.OptionMaxReconnectTime: time.Second}))
}

func ask(bus mangos.Socket, cmd string, args object, key string) object {
	message := object{"id": "1", "cmd": cmd, "args": args}
	if key != "" { // the question may arrive twice (REQ repeats it): the work is done once
		message["idempotency_key"] = key
	}
	if token := os.Getenv("KEJUE_TOKEN"); token != "" { // the daemon's own user needs none
		message["token"] = token
	}
	for {
		var answer struct{ Result, Error object }
		must(0, bus.Send(must(json.Marshal(message))))
		must(0, json.Unmarshal(must(bus.Recv()), &answer))
		if answer.Error == nil {
			return answer.Result
		}
		if answer.Error["code"] != "unavailable" { // stopping, busy: it may work in a moment
			log.Fatal(answer.Error)
		}
		time.Sleep(100 * time.Millisecond)
	}
}

func tell(told object) {
	fmt.Println(string(must(json.Marshal(told))))
}

func submit(bus mangos.Socket, key string) {
	// A hook that comes with Kejue; `key` belongs to the job and is taken once.
	payload := object{"hook": "crm_note.lua:1", "event": object{"plan": object{"success": "poor"}}}
	job := ask(bus, "job.submit", object{"kind": "hook", "key": key, "payload": payload}, key)
	for {
		job = ask(bus, "job.get", object{"id": job["id"]}, "")
		if job["state"] != "waiting" && job["state"] != "running" {
			tell(object{"id": job["id"], "state": job["state"], "result": job["result"]})
			return
		}
		time.Sleep(20 * time.Millisecond)
	}
}

// SUB is fast but may drop; its numbers tell: only the next one is taken, else event.since is asked.
func follow(bus, events mangos.Socket, cursor, last float64) {
	take := func(event object) bool { // false: there is a gap before it
		number := event["number"].(float64)
		if number == cursor+1 && cursor < last {
			cursor = number
			tell(object{"number": cursor, "name": event["name"]})
		}
		return number <= cursor
	}
	for cursor < last {
		page := ask(bus, "event.since", object{"cursor": cursor, "limit": 1000}, "")
		for _, event := range page["events"].([]any) {
			take(event.(object))
		}
		for cursor < last { // until a gap, or a silence in which the last one may have been lost
			data, err := events.Recv() // "NAME {…}"
			var event object
			if err != nil {
				break
			}
			must(0, json.Unmarshal(data[bytes.IndexByte(data, ' ')+1:], &event))
			if !take(event) {
				break
			}
		}
	}
}

func main() {
	folder, what := os.Args[1], os.Args[2]
	bus := dial(req.NewSocket, "ipc://"+folder+"/bus.ipc", time.Minute)
	if what == "submit" {
		submit(bus, os.Args[3])
		return
	}
	events := dial(sub.NewSocket, "ipc://"+folder+"/events.ipc", 2*time.Second)
	must(0, events.SetOption(mangos.OptionSubscribe, ""))
	cursor := must(strconv.ParseFloat(os.Args[3], 64))
	follow(bus, events, cursor, cursor+must(strconv.ParseFloat(os.Args[4], 64)))
}
