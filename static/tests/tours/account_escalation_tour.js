import { registry } from "@web/core/registry";
import { stepUtils } from "@web_tour/tour_utils";

const tours = registry.category("web_tour.tours");

const PLAN = ".o_form_view .o_field_widget[name=step_ids]";
const ROW = `${PLAN} .o_selected_row`;
const TIMELINE = ".o_escalation_timeline";
const TODO = ".o_list_view";

/** Fill in a new row of the plan's steps. */
function addStep(name, days, channel, isReviewed = false) {
    const choose = (field, label) => [
        { trigger: `${ROW} [name=${field}] .o_select_menu_toggler`, run: "click" },
        { trigger: `.o_select_menu_item:contains(${label})`, run: "click" },
    ];
    return [
        { trigger: `${PLAN} .o_field_x2many_list_row_add a`, run: "click" },
        { trigger: `${ROW} [name=days] input`, run: `edit ${days}` },
        ...(channel === "Email" ? [] : choose("channel", channel)),
        ...(isReviewed ? [{ trigger: `${ROW} [name=needs_review] input`, run: "click" }] : []),
        { trigger: `${ROW} [name=name] input`, run: `edit ${name} && press Tab` },
        {
            content: "The timeline shows what is not saved yet",
            trigger: `${TIMELINE} li:contains(${name}):contains(${days} days after)`,
        },
    ];
}

function openInvoice() {
    return [
        { trigger: "button[data-menu-xmlid='account.menu_finance_receivables']", run: "click" },
        { trigger: "a[data-menu-xmlid='account.menu_action_move_out_invoice_type']", run: "click" },
        { trigger: ".o_list_view .o_data_row:contains(Azure Interior) td[name=name]", run: "click" },
        { trigger: ".o_form_view .o_notebook a[name=escalation]", run: "click" },
    ];
}

function openTodo() {
    return [
        { trigger: "button[data-menu-xmlid='account.menu_finance_receivables']", run: "click" },
        {
            trigger: "a[data-menu-xmlid='account_escalation.account_escalation_followup_todo_menu']",
            run: "click",
        },
        { content: "Grouped by channel", trigger: `${TODO} .o_group_header:contains(Email)` },
    ];
}

function openTodoRow(name) {
    return [{ trigger: `${TODO} .o_data_row:contains(${name}) td[name=partner_id]`, run: "click" }];
}

function isListedNoMore(done) {
    return { trigger: `${TODO}:has(.o_data_row):not(:has(.o_data_row:contains(${done})))` };
}

/** Go back, and wait until the list has been read again: at first Odoo shows it as it was. */
function backToTodo(done) {
    return [{ trigger: ".breadcrumb-item:contains(To Do) a", run: "click" }, isListedNoMore(done)];
}

function isStepDone(name) {
    return {
        trigger: `[name=escalation_followup_ids] .o_data_row:contains(${name}) [name=state]:contains(Done)`,
    };
}

tours.add("account_escalation_plan_tour", {
    steps: () => [
        { trigger: ".o_list_button_add", run: "click" },
        { trigger: ".o_form_view [name=name] :is(input, textarea)", run: "edit Tour Plan" },
        ...addStep("Reminder", 2, "Email"),
        ...addStep("Warning", 10, "Email", true),
        ...addStep("Talk", 10, "Call"),
        ...addStep("Post", 10, "Letter"),
        {
            content: "Steps of one day are stacked in one column",
            trigger: `${TIMELINE} ol:has(.o_escalation_origin):not(:has(li:nth-child(6)))`,
        },
        { content: "A marker leads to its row", trigger: `${TIMELINE} li:contains(Talk) button`, run: "click" },
        { trigger: `${ROW} [name=name] input:value(Talk)` },
        { trigger: ".o_form_view .o_notebook a[name=rules]", run: "click" },
        { trigger: ".o_field_widget[name=workdays_only] input", run: "click" },
        ...stepUtils.saveForm(),
        ...openInvoice(),
        { trigger: ".o_field_widget[name=escalation_plan_id] input", run: "edit Tour" },
        { trigger: ".o-autocomplete--dropdown-item:contains(Tour Plan)", run: "click" },
        ...stepUtils.saveForm(),
        { trigger: ".o_field_widget[name=escalation_next_step_id]:contains(Reminder)" },
    ],
});

tours.add("account_escalation_todo_tour", {
    steps: () => [
        ...openTodo(),
        { trigger: `${TODO} .o_data_row:contains(Warning) button[name=action_send]`, run: "click" },
        { content: "Read the text", trigger: ".modal [name=body]:contains(Please pay)" },
        { trigger: ".modal button[name=action_send_mail]", run: "click" },
        isListedNoMore("Warning"),
        ...openTodoRow("Talk"),
        { trigger: "[name=items_table]" },
        { trigger: "button[name=action_mark_sent]:contains(Called)", run: "click" },
        { trigger: ".o_arrow_button_current[data-value=done]" },
        ...backToTodo("Talk"),
        { trigger: `${TODO} .o_data_row:contains(Post) .o_list_record_selector input`, run: "click" },
        { trigger: ".o_control_panel button[name=action_mark_sent]", run: "click" },
        { trigger: ".modal .modal-footer .btn-primary:contains(Mark as Sent)", run: "click" },
        { trigger: `${TODO}:not(:has(.o_data_row))` },
        ...openInvoice(),
        isStepDone("Reminder"),
        isStepDone("Warning"),
        isStepDone("Talk"),
        isStepDone("Post"),
        { content: "Open the email", trigger: "[name=escalation_followup_ids] td:contains(Warning)", run: "click" },
        { trigger: ".modal [name=mail_body]:contains(Please pay)" },
        { trigger: ".modal .btn-close", run: "click" },
        { trigger: "body:not(:has(.modal))" },
    ],
});

const PARTNER_TAB = { trigger: ".o_form_view .o_notebook a[name=escalation]", run: "click" };

tours.add("account_escalation_customer_tour", {
    steps: () => [
        PARTNER_TAB,
        { content: "What is open", trigger: "[name=escalation_line_ids] .o_data_row:nth-child(2)" },
        { trigger: ".o_field_widget[name=escalation_plan_id] input", run: "edit Whole" },
        { trigger: ".o-autocomplete--dropdown-item:contains(Whole Tour)", run: "click" },
        ...stepUtils.saveForm(),
        { content: "What comes next", trigger: ".o_field_widget[name=escalation_reason]:contains(today)" },
    ],
});

tours.add("account_escalation_customer_history_tour", {
    steps: () => [
        PARTNER_TAB,
        {
            content: "Two invoices in one message",
            trigger: "[name=escalation_followup_ids] .o_data_row:contains(Done) [name=move_ids] .o_tag:nth-child(2)",
        },
        { trigger: "[name=escalation_followup_ids] .o_data_row td[name=step_id]", run: "click" },
        {
            content: "Read the email",
            trigger: ".modal [name=mail_body] .o_escalation_items tr:contains(INV):nth-child(3)",
        },
        { trigger: ".modal .btn-close", run: "click" },
        { trigger: "body:not(:has(.modal))" },
        { content: "All of the customer's", trigger: "button[name=action_open_escalation_followups]", run: "click" },
        { trigger: ".o_list_view .o_data_row:contains(Done)" },
    ],
});

tours.add("account_escalation_invoicing_tour", {
    steps: () => [
        ...openTodo(),
        { trigger: `${TODO} .o_data_row .o_list_record_selector input`, run: "click" },
        { trigger: ".o_control_panel button[name=action_send]", run: "click" },
        { trigger: ".modal .btn-primary:contains(Go On)", run: "click" },
        { trigger: ".modal button[name=action_send_mail]", run: "click" },
        { trigger: `${TODO}:not(:has(.o_data_row))` },
    ],
});

tours.add("account_escalation_assign_tour", {
    steps: () => [
        { trigger: ".o_list_view thead .o_list_record_selector input", run: "click" },
        { trigger: ".o_cp_action_menus .dropdown-toggle:contains(Actions)", run: "click" },
        { trigger: ".o-dropdown--menu .o_menu_item:contains(Set Escalation Plan)", run: "click" },
        { trigger: ".modal [name=plan_id] input", run: "edit Batch Tour" },
        { trigger: ".o-autocomplete--dropdown-item:contains(Batch Tour)", run: "click" },
        { content: "What it would do", trigger: ".modal [name=summary]:contains(begin the plan “Batch Tour”)" },
        { trigger: ".modal button[name=action_assign]", run: "click" },
        { trigger: "body:not(:has(.modal))" },
    ],
});

tours.add("account_escalation_promise_tour", {
    steps: () => [
        ...openInvoice(),
        { trigger: "button[name=action_escalation_promise]", run: "click" },
        {
            trigger: ".modal [name=date] input",
            run: `edit ${luxon.DateTime.now().plus({ days: 3 }).toFormat("MM/dd/yyyy")} && press Tab`,
        },
        { trigger: ".modal .o_form_button_save", run: "click" },
        { trigger: "body:not(:has(.modal))" },
        { content: "Paused", trigger: "[name=escalation_reason]:contains(On hold)" },
    ],
});

tours.add("account_escalation_promise_broken_tour", {
    steps: () => [
        ...openInvoice(),
        { content: "It goes on", trigger: "[name=escalation_reason]:not(:contains(On hold))" },
        { content: "And somebody is told", trigger: ".o-mail-Chatter:contains(Broken)" },
    ],
});
