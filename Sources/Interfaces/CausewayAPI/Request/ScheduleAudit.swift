import Access
import CausewayCore
public import Exports
public import Storage

/// The audit log's row of what a schedule asks for: it stands there like any caller, by its own id.
public enum ScheduleAudit {
    public static func record(_ asked: ScheduledRequest, in transaction: any Transaction) throws {
        try AuditLog().append(
            AuditEntry(
                at: asked.run.requestedAt, caller: asked.schedule.id.text,
                callerName: asked.schedule.terms.description ?? "schedule", action: "export.request",
                resource: asked.run.export?.text ?? "", result: 202,
                detail: [
                    "way": .string(asked.way.rawValue), "metadata": asked.request.metadata,
                    "at": .string(asked.run.at.rfc3339),
                ]),
            in: transaction)
    }
}
