import { Component } from "@odoo/owl";

import { _t } from "@web/core/l10n/translation";
import { registry } from "@web/core/registry";
import { standardFieldProps } from "@web/views/fields/standard_field_props";

/** An icon in the list of invoices: this one is under a plan. The tooltip names it. */
export class EscalationIcon extends Component {
    static template = "account_escalation.Icon";
    static props = { ...standardFieldProps };

    get title() {
        const plan = this.props.record.data[this.props.name];
        return plan && _t("Followed up automatically: %s", plan.display_name);
    }
}

export const escalationIcon = {
    component: EscalationIcon,
    displayName: _t("Follow-up icon"),
    supportedTypes: ["many2one"],
    listViewWidth: 24,
};

registry.category("fields").add("escalation_icon", escalationIcon);
