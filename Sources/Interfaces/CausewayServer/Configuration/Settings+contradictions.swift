import CausewayCore
import OutboundHTTP

extension Settings {
    /// What is allowed each by itself, and together probably not meant.
    func contradictions() -> [String] {
        var found: [String] = []
        if let why = Reach.privateReason(of: publicURL) {
            found.append(
                "public_url (\(publicURL)) is \(why): the vendor's webhooks cannot arrive, so only polling works, and a "
                    + "lost answer to a trigger cannot be tied to its export; set public_url to what the vendor can reach"
            )
        } else if publicURL.hasPrefix("http://") {
            found.append(
                "public_url (\(publicURL)) is not https: the tokens in hook addresses travel readable; put TLS before it"
            )
        }
        if vendor.url.hasPrefix("http://"), Reach.privateReason(of: vendor.url) == nil {
            found.append("vendor.url (\(vendor.url)) is not https: the vendor's keys travel readable")
        }
        if exports.pollSlow < exports.pollFast {
            found.append(
                "polling.slow (\(DurationText.format(exports.pollSlow))) is shorter than polling.fast "
                    + "(\(DurationText.format(exports.pollFast))): proven webhooks would make polling faster")
        }
        if exports.pollFor < exports.pollFast {
            found.append("exports.poll_for is shorter than polling.fast: an export would fail before it is asked for")
        }
        if let adminKey, adminKey.reveal().utf8.count < 16 {
            found.append("admin_key is shorter than 16 characters and can be guessed: openssl rand -hex 24 makes one")
        }
        for (name, networks) in [
            ("deliveries.allow_networks", deliveries.allowedNetworks),
            ("vendor.allow_networks", vendor.allowedNetworks),
        ] where networks.networks.contains(where: { $0.prefixLength == 0 }) {
            found.append("\(name) opens every network: whoever may subscribe reaches all that this host reaches")
        }
        if outbound.proxyJudges {
            found.append(
                outbound.proxy == nil
                    ? "outbound.proxy_judges has no effect without outbound.proxy"
                    : "outbound.proxy_judges: the proxy must refuse private addresses, Causeway does not see them")
        }
        return found + database.contradictions()
    }
}

extension Settings.Database {
    fileprivate func contradictions() -> [String] {
        guard let address else {
            return listenAddress == nil ? [] : ["database.listen_url has no effect without database_url"]
        }
        var found: [String] = []
        if !address.isLocal, !["require", "verify-ca", "verify-full"].contains(address.sslMode) {
            found.append(
                "database_url (\(address.place)) does not ask for TLS: what goes to the database can travel readable; "
                    + "add sslmode=verify-full, and sslrootcert where the authority is your own")
        }
        if lockTimeout > statementTimeout {
            found.append("database.lock_timeout is longer than database.statement_timeout, which ends the wait before")
        }
        return found
    }
}

/// Whether an address of ours can be reached from outside, as far as it can be told by looking at it.
enum Reach {
    /// Why not, after "is"; nil where it may be reached.
    static func privateReason(of url: String) -> String? {
        guard let url = try? OutboundURL(url) else { return nil }
        if let address = url.literalAddress {
            return EgressPolicy.publicOnly.denial(of: address).map { "not a public address (\($0.reason.rawValue))" }
        }
        let isInside = [".local", ".internal", ".lan", ".home.arpa", ".localhost"].contains { url.host.hasSuffix($0) }
        if url.host == "localhost" || isInside || !url.host.contains(".") { return "a name of the inside" }
        return nil
    }
}
