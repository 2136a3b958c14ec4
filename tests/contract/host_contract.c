// The plugin contract: the rules of kejue_plugin.h, tried with plugins that keep and break them,
// and the data of every plugin that this build made.
#include "host_cases_ask.h"
#include "host_cases_calls.h"
#include "host_cases_door.h"
#include "host_cases_load.h"

#include <dirent.h>

static void report(void *arg, const char *place, const char *text)
{
    (void)arg;
    print_error("  %s: %s\n", place, text);
}

static void every_plugin_of_the_build_is_sound(void **state)
{
    DIR *dir = opendir(PLUGINS);
    size_t plugins = 0, faults = 0;
    (void)state;
    assert_non_null(dir);
    for (struct dirent *entry; (entry = readdir(dir));) {
        const char *end = strrchr(entry->d_name, '.');
        if (!end || strcmp(end, ".so") != 0)
            continue;
        struct kj_plugin_file *file = NULL;
        struct kj_fault fault = {0};
        if (kj_plugin_file_open(entry->d_name, PLUGINS, &file, &fault) != 0)
            fail_msg("%s: %s", fault.place, fault.text);
        size_t found = kj_plugin_file_check(file, NULL, NULL);
        if (found) {
            print_error("%s:\n", entry->d_name);
            kj_plugin_file_check(file, report, NULL);
        }
        faults += found;
        plugins++;
        kj_plugin_file_close(file);
    }
    closedir(dir);
    assert_true(plugins >= 1); // the sample at least
    assert_int_equal(faults, 0);
}

#define RULE(name) cmocka_unit_test_setup_teardown(name, world_setup, world_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_plugin_of_the_build_is_sound),
        RULE(version_is_judged_before_anything_is_called),
        RULE(every_fault_of_the_data_is_found),
        RULE(instances_are_named_once),
        RULE(failed_open_leaves_nothing_behind),
        RULE(configuration_faults_name_their_line),
        RULE(secrets_are_files_and_stay_with_the_host),
        RULE(sample_echoes),
        RULE(places_at_a_verb_are_counted),
        RULE(finish_counts_once),
        RULE(nobody_finishes_what_is_not_theirs),
        RULE(deadline_ends_what_is_never_finished),
        RULE(deadline_in_the_queue_is_not_processed),
        RULE(cancel_waits_for_the_plugin_but_not_long),
        RULE(wrong_answers_become_unknown),
        RULE(watchdog_names_who_blocks),
        RULE(money_is_not_spent_on_a_virtual_clock),
        RULE(refused_credentials_pause_the_instance),
        RULE(draining_takes_no_new_work),
        RULE(destroy_ends_everything_once),
        RULE(documents_are_read_and_built),
        RULE(ports_are_asked_with_the_workspace),
        RULE(only_what_is_declared_may_be_asked),
        RULE(other_plugins_are_asked_and_not_in_circles),
        RULE(asks_after_cancel_are_answered_once),
        RULE(http_status_decides_the_class),
        RULE(http_bodies_go_and_come),
        RULE(canceled_http_is_answered),
        RULE(files_are_read_below_the_folder_only),
        RULE(work_runs_aside),
        cmocka_unit_test(work_runs_on_threads),
        RULE(webhooks_are_verified_before_the_plugin_sees_them),
        RULE(webhooks_are_answered_by_the_plugin),
        RULE(unconfigured_secret_verifies_nothing),
        RULE(schedules_run_one_at_a_time),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
