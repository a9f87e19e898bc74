import { ActivityMenu } from "@mail/core/web/activity_menu";
import { patch } from "@web/core/utils/patch";

// Follow-ups are no activities: their entry opens the work list, of mine.
patch(ActivityMenu.prototype, {
    openActivityGroup(group, filter = "all", newWindow = false) {
        if (group.model !== "account.escalation.followup") {
            return super.openActivityGroup(...arguments);
        }
        this.dropdown.close();
        this.action.doAction("account_escalation.account_escalation_followup_action_todo", {
            newWindow,
            clearBreadcrumbs: true,
            additionalContext: { search_default_my: 1 },
        });
    },
});
