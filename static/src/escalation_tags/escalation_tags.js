import { _t } from "@web/core/l10n/translation";
import { registry } from "@web/core/registry";
import { Many2ManyTagsField, many2ManyTagsField } from "@web/views/fields/many2many_tags/many2many_tags_field";

/** One or two tags, or the first one and how many more there are: what is sent to a customer may list a hundred invoices. */
export class EscalationTags extends Many2ManyTagsField {
    static template = "account_escalation.Tags";
}

export const escalationTags = {
    ...many2ManyTagsField,
    component: EscalationTags,
    displayName: _t("Few tags"),
};

registry.category("fields").add("escalation_tags", escalationTags);
