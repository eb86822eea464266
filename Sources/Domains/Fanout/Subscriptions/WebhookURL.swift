import OutboundHTTP

/// Where events may be sent to.
enum WebhookURL {
    static let portMend = "the setting deliveries.allow_ports lists those that are."

    /// Nil for a URL that can be sent to as far as its text tells; names are judged when connecting, on what they
    /// resolve to.
    static func mistake(in text: String, egress: EgressPolicy) -> (code: String, detail: String)? {
        guard text.utf8.count <= 2048 else { return ("too_long", "No more than 2048 bytes.") }
        guard text.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7f }), !text.contains("#") else {
            return ("invalid_url", "An absolute http or https URL without spaces, fragment or characters beyond ASCII.")
        }
        let url: OutboundURL
        do {
            url = try OutboundURL(text)
        } catch {
            return ("invalid_url", "An absolute http or https URL: \(error).")
        }
        guard !url.hasCredentials else {
            return (
                "credentials_in_url", "No user or password in the URL: put an Authorization header into `headers`."
            )
        }
        guard url.port > 0 else { return ("invalid_url", "Nobody can be reached at port 0.") }
        guard egress.allows(port: url.port) else {
            return ("egress_denied", "Port \(url.port) is not open to webhooks: \(Self.portMend)")
        }
        // libcurl resolves localhost by itself, and always to the loopback.
        let isLocalhost = url.host == "localhost" || url.host.hasSuffix(".localhost")
        if let address = isLocalhost ? IPAddress("127.0.0.1") : url.literalAddress,
            let denial = egress.denial(of: address)
        {
            let mend =
                denial.reason == .metadata
                ? "Cloud metadata addresses are never opened."
                : "The setting deliveries.allow_networks opens private networks, for example \(address)/\(address.bitWidth)."
            return ("egress_denied", "\(denial). \(mend)")
        }
        return nil
    }
}
