import CausewayCore
import Imports
import OutboundHTTP

extension SettingTable {
    // MARK: Exports

    static let pollingFast = Setting(
        "polling.fast", .duration(.seconds(1) ... .seconds(86_400)), default: "30s",
        "Between two status calls of an export while webhooks are not known to arrive.")
    static let pollingSlow = Setting(
        "polling.slow", .duration(.seconds(1) ... .seconds(86_400)), default: "60s", "The same once they are.")
    static let pollFor = Setting(
        "exports.poll_for", .duration(.seconds(1) ... .seconds(7 * 86_400)), default: "2h",
        "An export that the vendor still shows as queued after this long has failed. It says up to 30 minutes.")
    static let lostAnswerWait = Setting(
        "exports.lost_answer_wait", .duration(.seconds(1) ... .seconds(7 * 86_400)), default: "45m",
        "How long a webhook is waited for where the vendor's answer to a trigger was lost.")
    static let triggerFor = Setting(
        "exports.trigger_for", .duration(.seconds(1) ... .seconds(7 * 86_400)), default: "24h",
        "How long a trigger is tried that the vendor does not take: it is down, or the keys are wrong.")
    static let askAgainAfter = Setting(
        "exports.ask_again_after", .duration(.seconds(1) ... .seconds(86_400)), default: "60s",
        """
        When a trigger whose answer was lost is sent once more if no webhook told of its export. The vendor answers 429 \
        where it has taken the first; longer than exports.lost_answer_wait is never.
        """)
    static let silenceFor = Setting(
        "exports.silence_for", .duration(.seconds(1) ... .seconds(7 * 86_400)), default: "48h",
        "How long an export is asked for that the vendor does not answer about; its links would be dead by then.")

    static let exports: [SettingDescription] = [
        pollingFast.description, pollingSlow.description, pollFor.description, lostAnswerWait.description,
        triggerFor.description, askAgainAfter.description, silenceFor.description,
    ]

    // MARK: Schedules

    static let scheduleGrace = Setting(
        "schedules.grace", .duration(.seconds(1) ... .seconds(86_400)), default: "5m",
        "A schedule's run that is later than this was missed, which the event schedule.missed tells.")

    static let schedules: [SettingDescription] = [scheduleGrace.description]

    // MARK: The mirror

    static let mirrorEnabled = Setting(
        "mirror.enabled", .boolean, default: "true",
        """
        Copy the files of every export before the vendor's links die. Without, they are passed through while those live.
        """)
    static let mirrorConcurrency = Setting(
        "mirror.concurrency", .number(1...64), default: "4", "Files that one gateway fetches at once.")
    static let mirrorKeep = Setting(
        "mirror.keep", .duration(.seconds(60) ... .seconds(3650 * 86_400)), default: "30d",
        "How long mirrored files are kept; then they are removed, and asking for one tells why.")
    static let mirrorSize = Setting(
        "mirror.max_size", .byteSize(atLeast: 1), note: "as much as the disk has",
        "How much all mirrored files may take; the oldest exports make room, the newest stays however large it is.")
    static let mirrorKeepFree = Setting(
        "mirror.keep_free", .byteSize(atLeast: 0), default: "256MiB",
        "Room on the disk that is left to others, such as the database: a file that would take it waits at the vendor.")

    static let mirror: [SettingDescription] = [
        mirrorEnabled.description, mirrorConcurrency.description, mirrorKeep.description, mirrorSize.description,
        mirrorKeepFree.description,
    ]

    // MARK: Deliveries

    static let retrySchedule = Setting(
        "deliveries.retry_schedule", .retrySchedule, default: "5s,30s,2m,15m,1h,4h,12h,24h",
        "The waits between the attempts of a delivery, where its subscription has none of its own.")
    static let deliveryTimeout = Setting(
        "deliveries.timeout", .duration(.milliseconds(100) ... .seconds(300)), default: "15s",
        "For one attempt, from resolving the name to the last byte read.")
    static let deliveryNetworks = Setting(
        "deliveries.allow_networks", .networks, note: "none: public addresses only",
        "Private networks that subscribers may be in, such as 10.0.0.0/8. Metadata addresses never open.")

    static let deliveryPorts = Setting(
        "deliveries.allow_ports", .ports, note: "every port",
        "The ports that subscribers' URLs may have, such as 80,443.")
    static let deliveryRetention = Setting(
        "deliveries.retention", .duration(.seconds(3600) ... .seconds(3650 * 86_400)), default: "30d",
        "How long a delivery that has ended is kept with its attempts.")
    static let eventRetention = Setting(
        "events.retention", .duration(.seconds(3600) ... .seconds(3650 * 86_400)), default: "90d",
        "How long GET /v1/events has an event; longer where a delivery of it is kept.")

    static let disableAfter = Setting(
        "deliveries.disable_after", .duration(.seconds(60) ... .seconds(365 * 86_400)), default: "5d",
        """
        A subscription whose endpoint has done nothing but fail for so long is disabled, and its events are held; half of \
        that before, subscription.failing announces it.
        """)
    static let probeEvery = Setting(
        "deliveries.probe_every", .duration(.seconds(1) ... .seconds(30 * 86_400)), default: "1h",
        "How often a subscription that was disabled for its failures is tried with the oldest event held for it.")
    static let enableAgain = Setting(
        "deliveries.enable_again", .boolean, default: "false",
        "Enable such a subscription as soon as it answers, instead of telling by subscription.recovered alone.")
    static let holdFor = Setting(
        "deliveries.hold_for", .duration(.seconds(60) ... .seconds(3650 * 86_400)), default: "30d",
        "How long events are held for a disabled subscription; then their deliveries have failed.")

    static let deliveries: [SettingDescription] = [
        retrySchedule.description, deliveryTimeout.description, deliveryNetworks.description, deliveryPorts.description,
        disableAfter.description, probeEvery.description, enableAgain.description, holdFor.description,
        deliveryRetention.description, eventRetention.description,
    ]

    // MARK: Imports

    static let importSize = Setting(
        "imports.max_size", .byteSize(atLeast: 1024), default: "2GiB", "The largest upload, after unpacking.")
    static let resumeFor = Setting(
        "imports.resume_for", .duration(.seconds(60) ... .seconds(30 * 86_400)), default: "24h",
        "How long an upload in several requests is kept after its last bytes came.")
    static let chunkRows = Setting(
        "imports.chunk_rows", .number(1...10_000_000), default: "10000",
        "Good rows handed to the importer in one request. A file with more goes out in several, one after another, each "
            + "with the header.")
    static let importFiles = Setting(
        "imports.keep_files", .duration(.seconds(3600) ... .seconds(365 * 86_400)), default: "7d",
        "How long the refused rows of a file, and the file of a failed import, which can be tried again, are kept after the "
            + "import's end. A good file goes at the end.")
    static let importRetention = Setting(
        "imports.retention", .duration(.seconds(7 * 86_400) ... .seconds(3650 * 86_400)), default: "90d",
        "How long an import that has ended is on record with its errors. The audit log is not touched.")
    static let approvalObjects = Setting(
        "imports.approval.objects", .importObjects, note: "none",
        "Objects of which every file waits until another key approves it.")
    static let approvalRows = Setting(
        "imports.approval.rows", .number(0...1_000_000_000), note: "any number",
        "A file with more good rows waits until another key approves it.")
    static let approvalAmount = Setting(
        "imports.approval.amount", .approvalAmounts, note: "any sum",
        "A file that moves more money than this waits until another key approves it: in whole units, by currency; a number "
            + "alone is for every currency not named. Amounts that are taken back count like those that are given.")
    static let approvalExpires = Setting(
        "imports.approval.expires", .duration(.seconds(60) ... .seconds(365 * 86_400)), default: "7d",
        "How long a file waits for approval; then the import is cancelled and the file goes.")

    static let imports: [SettingDescription] = [
        importSize.description, resumeFor.description, chunkRows.description,
        importFiles.description, importRetention.description, approvalObjects.description, approvalRows.description,
        approvalAmount.description, approvalExpires.description,
    ]
}
