import CausewayCore

/// Where a proxy is to connect to for a request: an address that was judged here, so that nothing the name resolves to
/// over there gets by.
struct ProxyDestination: Sendable {
    let address: IPAddress
    /// How long finding it took.
    let lookup: Duration
    /// When that began; what has passed since counts towards the request's time limits.
    let began: ContinuousClock.Instant

    /// Those of the host's addresses that the request's egress policy lets pass, in the system's order; at least one.
    static func all(
        of request: OutboundRequest, by resolver: NameResolver
    ) async throws(OutboundError) -> [ProxyDestination] {
        let began = ContinuousClock.now
        let url = try judgeLiteralAddress(in: request)
        guard request.redirects == 0 else {
            throw OutboundError(
                .invalidRequest, words: "redirects are not followed through a proxy to addresses that are judged here")
        }
        if let literal = url.literalAddress {
            return [ProxyDestination(address: literal, lookup: .zero, began: began)]
        }
        let limit = min(request.timeouts.connect, request.timeouts.total ?? request.timeouts.connect)
        let addresses: [IPAddress]
        do throws(OutboundError) {
            addresses = try await resolver.addresses(of: url.asciiHost, within: limit)
        } catch {
            var error = error
            error.timings.total = .now - began
            throw error
        }
        let lookup = ContinuousClock.now - began
        let allowed = addresses.filter { request.egress.denial(of: $0) == nil }
        guard !allowed.isEmpty else {
            guard let denial = addresses.first.flatMap({ request.egress.denial(of: $0) }) else {
                throw OutboundError(.resolve, words: "\(url.host) has no address")
            }
            var timings = TransferTimings()
            (timings.resolved, timings.total) = (lookup, lookup)
            throw OutboundError(
                .egressDenied(denial), stage: .connect, words: denial.description, timings: timings)
        }
        return allowed.map { ProxyDestination(address: $0, lookup: lookup, began: began) }
    }

    /// For libcurl's CONNECT_TO: in the place of any host, at the URL's port. SNI, `Host` and the certificate stay with
    /// the name.
    var line: String {
        switch address {
        case .v4: "::\(address):"
        case .v6: "::[\(address)]:"
        }
    }

    /// Gives the request's URL, where it names no address that the request's egress policy refuses.
    @discardableResult
    static func judgeLiteralAddress(in request: OutboundRequest) throws(OutboundError) -> OutboundURL {
        let url: OutboundURL
        do throws(OutboundURL.Mistake) {
            url = try OutboundURL(request.url)
        } catch {
            throw OutboundError(.invalidRequest, words: error.description)
        }
        if let denial = url.literalAddress.flatMap({ request.egress.denial(of: $0) }) {
            throw OutboundError(.egressDenied(denial), stage: .connect, words: denial.description)
        }
        return url
    }
}
