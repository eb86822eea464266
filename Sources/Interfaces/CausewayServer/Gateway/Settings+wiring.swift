import CausewayCore
import Exports
import Fanout
import Imports
import OutboundHTTP
import Vendor

// What each part is set to, from what the operator has set.

extension Settings {
    func vendorSettings() throws -> VendorSettings {
        guard let keys = vendor.keys else { throw GatewayError.keysMissing }
        var settings = VendorSettings(
            baseURL: vendor.url, publicKey: keys.publicKey.reveal(), secretKey: keys.secretKey)
        settings.requestsPerMinute = vendor.requestsPerMinute
        settings.connectTimeout = vendor.connectTimeout
        settings.callTimeout = vendor.callTimeout
        settings.importTimeout = vendor.importTimeout
        settings.stallTimeout = vendor.stallTimeout
        settings.allowedNetworks = vendor.allowedNetworks
        settings.paths.reports = vendor.paths.reports
        settings.paths.report = vendor.paths.report
        settings.paths.webhooks = vendor.paths.webhooks
        settings.paths.webhook = vendor.paths.webhook
        settings.paths.importer = vendor.paths.importer
        settings.webhookEvents = WebhookEventsMember(rawValue: vendor.webhookEventMember) ?? .event
        settings.importFields.group = vendor.groupField
        settings.importFields.sendInvites = vendor.invitesField
        settings.limitWords.requests = vendor.limits.requestWords
        settings.limitWords.member = vendor.limits.memberWords
        return settings
    }

    var exportSettings: ExportSettings {
        var settings = ExportSettings(
            publicURL: publicURL, internalURL: internalURL, memberEmail: vendor.memberEmail)
        settings.pollFast = exports.pollFast
        settings.pollSlow = exports.pollSlow
        settings.pollPatience = exports.pollFor
        settings.unknownPatience = exports.lostAnswerWait
        settings.triggerPatience = exports.triggerFor
        settings.asksAgainAfter = exports.askAgainAfter < exports.lostAnswerWait ? exports.askAgainAfter : nil
        settings.silencePatience = exports.silenceFor
        settings.scheduleGrace = schedules.grace
        settings.registersWebhook = vendor.registersWebhook
        settings.limits.window = vendor.limits.window
        settings.limits.perReport = vendor.limits.perReport
        settings.limits.perMember = vendor.limits.perMember
        settings.limits.reportLimitIgnoresMember = vendor.limits.reportIgnoresMember
        settings.limits.failureKeepsReport = vendor.limits.countsFailures
        settings.mirror.isEnabled = mirror.isEnabled
        settings.mirror.concurrency = mirror.concurrency
        settings.mirror.keep = mirror.keep
        settings.mirror.maximumSize = mirror.maximumSize
        settings.mirror.keepFree = mirror.keepFree
        return settings
    }

    var importSettings: ImportSettings {
        var settings = ImportSettings()
        settings.maximumSize = imports.maximumSize
        settings.chunkRows = imports.chunkRows
        settings.approval = imports.approval
        settings.unfinishedRetention = imports.resumeFor
        settings.fileRetention = imports.keepFiles
        settings.retention = imports.retention
        return settings
    }

    var deliveryEgress: EgressPolicy {
        EgressPolicy(allowing: deliveries.allowedNetworks, ports: deliveries.allowedPorts)
    }

    var deliverySettings: DeliveryEngine.Settings {
        var settings = DeliveryEngine.Settings(
            retrySchedule: deliveries.retrySchedule, timeout: deliveries.timeout, egress: deliveryEgress,
            userAgent: ProductVersion.userAgent, vault: vault, eventSource: internalURL)
        settings.disableAfter = deliveries.disableAfter
        settings.probeInterval = deliveries.probeEvery
        settings.enablesAgain = deliveries.enablesAgain
        return settings
    }

    var vault: SecretVault { SecretVault(current: secrets.key, previous: secrets.previousKeys) }

    var outboundConfiguration: OutboundHTTPClient.Configuration {
        OutboundHTTPClient.Configuration(
            userAgent: ProductVersion.userAgent, proxy: outbound.proxy, proxyJudges: outbound.proxyJudges,
            caFile: outbound.caFile)
    }
}
