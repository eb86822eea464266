import CausewayCore

/// Where a proxy is to connect to for a request: an address that was judged here, so that nothing the name resolves to
/// over there gets by.
struct ProxyDestination: Sendable {
    let address: IPAddress
    /// How long finding it took; counts towards the request's time limits.
    let lookup: Duration

    /// The first of the host's addresses that the request's egress policy lets pass.
    init(of request: OutboundRequest, by resolver: NameResolver) async throws(OutboundError) {
        let url = try Self.judgeLiteralAddress(in: request)
        guard request.redirects == 0 else {
            throw OutboundError(
                .invalidRequest, words: "redirects are not followed through a proxy to addresses that are judged here")
        }
        if let literal = url.literalAddress {
            (address, lookup) = (literal, .zero)
            return
        }
        let limit = min(request.timeouts.connect, request.timeouts.total ?? request.timeouts.connect)
        let began = ContinuousClock.now
        let addresses: [IPAddress]
        do throws(OutboundError) {
            addresses = try await resolver.addresses(of: url.asciiHost, within: limit)
        } catch {
            var error = error
            error.timings.total = .now - began
            throw error
        }
        lookup = .now - began
        guard let allowed = addresses.first(where: { request.egress.denial(of: $0) == nil }) else {
            guard let denial = addresses.first.flatMap({ request.egress.denial(of: $0) }) else {
                throw OutboundError(.resolve, words: "\(url.host) has no address")
            }
            var timings = TransferTimings()
            (timings.resolved, timings.total) = (lookup, lookup)
            throw OutboundError(
                .egressDenied(denial), stage: .connect, words: denial.description, timings: timings)
        }
        address = allowed
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
