// Every command's handler: one line each, in the order of their names.
#ifndef KJ_COMMANDS_H
#define KJ_COMMANDS_H

#include "api/request.h"

void kj_assistant_create(struct kj_request *request);
void kj_assistant_get(struct kj_request *request);
void kj_assistant_list(struct kj_request *request);
void kj_assistant_update(struct kj_request *request);
void kj_call_create(struct kj_request *request);
void kj_call_fixture(struct kj_request *request);
void kj_call_get(struct kj_request *request);
void kj_call_import(struct kj_request *request);
void kj_call_list(struct kj_request *request);
void kj_campaign_cancel(struct kj_request *request);
void kj_campaign_create(struct kj_request *request);
void kj_campaign_get(struct kj_request *request);
void kj_campaign_list(struct kj_request *request);
void kj_campaign_pause(struct kj_request *request);
void kj_campaign_reevaluate(struct kj_request *request);
void kj_campaign_rehearse(struct kj_request *request);
void kj_campaign_resume(struct kj_request *request);
void kj_campaign_start(struct kj_request *request);
void kj_campaign_stats(struct kj_request *request);
void kj_campaign_test(struct kj_request *request);
void kj_campaign_update(struct kj_request *request);
void kj_clock_run(struct kj_request *request);
void kj_command_list(struct kj_request *request);
void kj_decision_list(struct kj_request *request);
void kj_dialing_start(struct kj_request *request);
void kj_dialing_stop(struct kj_request *request);
void kj_event_since(struct kj_request *request);
void kj_group_create(struct kj_request *request);
void kj_group_get(struct kj_request *request);
void kj_group_list(struct kj_request *request);
void kj_group_update(struct kj_request *request);
void kj_host_list(struct kj_request *request);
void kj_job_cancel(struct kj_request *request);
void kj_job_get(struct kj_request *request);
void kj_job_list(struct kj_request *request);
void kj_job_retry(struct kj_request *request);
void kj_job_submit(struct kj_request *request);
void kj_lead_get(struct kj_request *request);
void kj_lead_import(struct kj_request *request);
void kj_lead_list(struct kj_request *request);
void kj_lead_refuse(struct kj_request *request);
void kj_lead_why(struct kj_request *request);
void kj_message_list(struct kj_request *request);
void kj_plugin_list(struct kj_request *request);
void kj_plugin_status(struct kj_request *request);
void kj_rules_canary(struct kj_request *request);
void kj_rules_check(struct kj_request *request);
void kj_rules_differences(struct kj_request *request);
void kj_rules_list(struct kj_request *request);
void kj_rules_promote(struct kj_request *request);
void kj_rules_reload(struct kj_request *request);
void kj_rules_replay(struct kj_request *request);
void kj_rules_rollback(struct kj_request *request);
void kj_rules_rollout(struct kj_request *request);
void kj_rules_send(struct kj_request *request);
void kj_rules_shadow(struct kj_request *request);
void kj_status(struct kj_request *request);
void kj_store_copy(struct kj_request *request);
void kj_template_create(struct kj_request *request);
void kj_template_get(struct kj_request *request);
void kj_template_list(struct kj_request *request);
void kj_template_update(struct kj_request *request);
void kj_token_create(struct kj_request *request);
void kj_token_list(struct kj_request *request);
void kj_token_revoke(struct kj_request *request);

#endif
