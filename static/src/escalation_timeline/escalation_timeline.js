import { Component } from "@odoo/owl";

import { _t } from "@web/core/l10n/translation";
import { registry } from "@web/core/registry";
import { standardWidgetProps } from "@web/views/widgets/standard_widget_props";

const ICONS = { email: "fa-envelope", call: "fa-phone", letter: "fa-file-text-o" };

/**
 * The steps of a plan as a picture: one lane around the due date, one lane from the issue date.
 *
 * It reads the records of the form's list of steps, so that it shows each edit at once.
 */
export class EscalationTimeline extends Component {
    static template = "account_escalation.Timeline";
    static props = { ...standardWidgetProps };

    get steps() {
        return this.props.record.data.step_ids.records.map((record) => this.getStep(record));
    }

    get lanes() {
        const { due = [], issue = [] } = Object.groupBy(this.steps, (step) => step.anchor);
        const lanes = [
            { id: "due", title: _t("Around the due date"), origin: _t("Due date"), steps: due },
            { id: "issue", title: _t("From the issue date"), origin: _t("Issue date"), steps: issue },
        ].filter((lane) => lane.steps.length);
        for (const lane of lanes) {
            const days = new Set([0, ...lane.steps.map((step) => step.offset)]);
            lane.days = [...days].sort((a, b) => a - b);
            lane.span = lane.days.at(-1) - lane.days[0];
        }
        const longest = Math.max(...lanes.map((lane) => lane.span));
        return lanes.map((lane) => this.layOut(lane, longest));
    }

    getStep(record) {
        const { anchor, channel, direction, needs_review, repeat_days, template_id, tone } = record.data;
        const days = record.data.days || 0;
        const isReviewed = channel === "email" && needs_review;
        const step = {
            id: record.id,
            record,
            anchor,
            tone,
            isReviewed,
            offset: anchor === "due" && direction === "before" ? -days : days,
            icon: ICONS[channel] || "fa-circle",
            channelLabel: isReviewed ? _t("Email, reviewed first") : this.getLabel(record, "channel"),
            toneLabel: this.getLabel(record, "tone"),
            repeatLabel: repeat_days > 0 && this.getRepeatLabel(repeat_days),
        };
        step.timing = this.getTiming(step);
        step.name = record.data.name || step.toneLabel;
        step.description = [
            record.data.name,
            step.timing,
            step.channelLabel,
            step.toneLabel,
            step.repeatLabel,
            template_id && _t("Template: %s", template_id.display_name),
        ]
            .filter(Boolean)
            .join("\n");
        return step;
    }

    /** The text of a selection field in the user's language. */
    getLabel(record, fieldName) {
        const options = record.fields[fieldName].selection;
        return options.find(([value]) => value === record.data[fieldName])?.[1] || "";
    }

    getTiming({ anchor, offset }) {
        const days = Math.abs(offset);
        if (!days) {
            return anchor === "issue" ? _t("on the issue date") : _t("on the due date");
        }
        if (offset < 0) {
            return days === 1 ? _t("1 day before") : _t("%s days before", days);
        }
        return days === 1 ? _t("1 day after") : _t("%s days after", days);
    }

    getRepeatLabel(days) {
        return days === 1 ? _t("every day") : _t("every %s days", days);
    }

    /**
     * Give each step a cell of a grid: one column for each day that has steps, and between two of them a gap that
     * takes its share of the free width, by the days that lie between. Steps of one day are stacked. What a lane is
     * shorter than the longest one stays free at its end, so that all have one scale.
     */
    layOut(lane, longest) {
        const { days, span } = lane;
        const columns = days.flatMap((day, index) => [
            ...(index ? [`minmax(0.25rem, ${day - days[index - 1]}fr)`] : []),
            "var(--timeline-column)",
        ]);
        if (span < longest) {
            columns.push(`minmax(0, ${longest - span}fr)`);
        }
        const height = { 0: 1 }; // rows taken in each column; the origin stands in the first one of its own
        const getColumn = (day) => 2 * days.indexOf(day) + 1;
        const steps = lane.steps
            .toSorted((a, b) => a.offset - b.offset)
            .map((step) => {
                height[step.offset] = (height[step.offset] || 0) + 1;
                return { ...step, style: `grid-column: ${getColumn(step.offset)}; grid-row: ${height[step.offset]};` };
            });
        const origin = {
            id: "origin",
            isOrigin: true,
            label: lane.origin,
            style: `grid-column: ${getColumn(0)}; grid-row: 1 / span ${Math.max(...Object.values(height))};`,
        };
        return {
            ...lane,
            style: `grid-template-columns: ${columns.join(" ")};`,
            items: [
                ...steps.filter((step) => step.offset < 0),
                origin,
                ...steps.filter((step) => step.offset >= 0),
            ],
        };
    }

    /** Open the row of a step. The click must not reach the list, which would take it for one outside, and close it. */
    onStepClick(step) {
        this.props.record.data.step_ids.enterEditMode(step.record);
    }
}

export const escalationTimeline = { component: EscalationTimeline };

registry.category("view_widgets").add("escalation_timeline", escalationTimeline);
