import OutboundHTTP
import Testing

@Suite("Egress policy")
struct EgressPolicyTests {
    @Test(
        "Each kind of address has its verdict, with the reason",
        arguments: [
            ("8.8.8.8", nil), ("1.1.1.1", nil), ("172.15.255.255", nil), ("172.32.0.0", nil), ("100.63.255.255", nil),
            ("100.128.0.0", nil), ("223.255.255.255", nil), ("2606:4700:4700::1111", nil),
            ("2a00:1450:4001::200e", nil),
            ("2001:4860:4860::8888", nil), ("3ffe::1", nil),
            ("0.0.0.0", .unspecified), ("0.1.2.3", .unspecified), ("::", .unspecified),
            ("127.0.0.1", .loopback), ("127.255.255.254", .loopback), ("::1", .loopback),
            ("10.0.0.1", .privateNetwork), ("10.255.255.255", .privateNetwork), ("172.16.0.1", .privateNetwork),
            ("172.31.255.255", .privateNetwork), ("192.168.1.1", .privateNetwork), ("fc00::1", .privateNetwork),
            ("fdff::1", .privateNetwork), ("fec0::1", .privateNetwork),
            ("100.64.0.1", .carrierGradeNAT), ("100.127.255.255", .carrierGradeNAT),
            ("169.254.1.1", .linkLocal), ("fe80::1", .linkLocal), ("febf::1", .linkLocal),
            ("224.0.0.1", .multicast), ("239.255.255.255", .multicast), ("ff02::1", .multicast),
            ("255.255.255.255", .broadcast), ("240.0.0.1", .reserved), ("192.0.0.8", .reserved), ("4000::1", .reserved),
            ("2001:1::1", .reserved), ("5f00::1", .reserved), ("192.0.2.1", .documentation),
            ("198.51.100.1", .documentation), ("203.0.113.1", .documentation), ("2001:db8::1", .documentation),
            ("3fff::1", .documentation), ("198.18.0.1", .benchmarking), ("198.19.255.255", .benchmarking),
            ("2001:2::1", .benchmarking), ("100::1", .discardOnly), ("::7f00:1", .ipv4Compatible),
            ("64:ff9b:1::1", .nat64), ("2002:7f00:1::", .sixToFour), ("2002:808:808::1", .sixToFour),
            ("192.88.99.1", .sixToFour), ("2001::1", .teredo),
            ("::ffff:127.0.0.1", .loopback), ("::ffff:10.0.0.1", .privateNetwork), ("::ffff:8.8.8.8", nil),
            ("64:ff9b::10.0.0.1", .privateNetwork), ("64:ff9b::127.0.0.1", .loopback), ("64:ff9b::8.8.8.8", nil),
            ("169.254.169.254", .metadata), ("169.254.170.2", .metadata), ("100.100.100.200", .metadata),
            ("168.63.129.16", .metadata), ("fd00:ec2::254", .metadata), ("fd20:ce::254", .metadata),
            ("fe80::a9fe:a9fe", .metadata), ("::ffff:169.254.169.254", .metadata), ("64:ff9b::a9fe:a9fe", .metadata),
            ("2002:a9fe:a9fe::", .metadata), ("::a9fe:a9fe", .metadata),
        ] as [(String, EgressPolicy.Reason?)])
    func verdict(text: String, reason: EgressPolicy.Reason?) throws {
        let address = try #require(IPAddress(text))
        #expect(EgressPolicy.publicOnly.denial(of: address)?.reason == reason)
        #expect(EgressPolicy.unrestricted.denial(of: address) == nil)
    }

    @Test("Allowed networks open what is in them and nothing beside")
    func allowed() throws {
        let policy = EgressPolicy(allowing: try AllowedNetworks(parsing: "10.1.0.0/16, 127.0.0.1 fd12::/32"))
        func reason(_ text: String) throws -> EgressPolicy.Reason? {
            policy.denial(of: try #require(IPAddress(text)))?.reason
        }
        #expect(try reason("10.1.255.1") == nil)
        #expect(try reason("10.2.0.1") == .privateNetwork)
        #expect(try reason("127.0.0.1") == nil)
        #expect(try reason("127.0.0.2") == .loopback)
        #expect(try reason("fd12:0:1::5") == nil)
        #expect(try reason("fd13::5") == .privateNetwork)
        #expect(try reason("::ffff:10.1.0.1") == nil)
        #expect(try reason("64:ff9b::10.1.0.1") == .privateNetwork)
    }

    @Test("Metadata services stay shut whatever is allowed")
    func metadata() throws {
        let policy = EgressPolicy(
            allowing: try AllowedNetworks(parsing: "0.0.0.0/0 ::/0 169.254.169.254 fd00:ec2::254"))
        for text in ["169.254.169.254", "fd00:ec2::254", "100.100.100.200", "::ffff:169.254.169.254"] {
            #expect(policy.denial(of: try #require(IPAddress(text)))?.reason == .metadata)
        }
        #expect(policy.denial(of: try #require(IPAddress("169.254.169.253"))) == nil)
    }

    @Test("A denial names the address and what is wrong with it")
    func words() throws {
        let policy = EgressPolicy.publicOnly
        #expect(
            policy.denial(of: try #require(IPAddress("10.0.0.1")))?.description
                == "10.0.0.1 is not a public address (private network)")
        #expect(
            policy.denial(of: try #require(IPAddress("::ffff:10.0.0.1")))?.description
                == "::ffff:10.0.0.1 is not a public address (private network, embedded as IPv4-mapped)")
    }

    @Test(
        "A network that is none is refused with words that mend it",
        arguments: [
            ("10.0.0.0/33", "\"10.0.0.0/33\": the prefix length of an IPv4 network is 0 to 32"),
            ("fd00::/129", "\"fd00::/129\": the prefix length of an IPv6 network is 0 to 128"),
            ("10.0.0.0/", "\"10.0.0.0/\": the prefix length of an IPv4 network is 0 to 32"),
            ("10.0.0.0/8/8", "\"10.0.0.0/8/8\": the prefix length of an IPv4 network is 0 to 32"),
            ("10.0.0.0/-1", "\"10.0.0.0/-1\": the prefix length of an IPv4 network is 0 to 32"),
            (
                "10.0.0.5/24",
                "\"10.0.0.5/24\" has bits set behind its prefix: write 10.0.0.0/24, or 10.0.0.5 for that address alone"
            ),
            ("10.0/8", "\"10.0/8\" is not a network: write an address and a prefix length, like 10.0.0.0/8"),
            ("intranet", "\"intranet\" is not a network: write an address and a prefix length, like 10.0.0.0/8"),
        ])
    func mistakes(text: String, words: String) {
        #expect {
            _ = try AllowedNetworks(parsing: [text])
        } throws: {
            "\($0)" == words
        }
    }

    @Test("All mistakes in a list are told at once")
    func allMistakes() {
        #expect {
            _ = try AllowedNetworks(parsing: "10.0.0.0/8,nonsense,1.2.3.4/99")
        } throws: {
            ($0 as? AllowedNetworks.ParseErrors)?.mistakes.count == 2
        }
    }

    @Test(
        "Addresses are read strictly and written plainly",
        arguments: [
            ("127.0.0.1", "127.0.0.1"), ("[::1]", "::1"), ("fe80::1%eth0", "fe80::1"),
            ("2001:DB8:0:0:0:0:0:1", "2001:db8::1"), ("127.1", nil), ("0177.0.0.1", nil), ("256.0.0.1", nil), ("", nil),
            ("::g", nil), ("1.2.3.4.5", nil), (" 1.2.3.4", nil), ("1.2.3.4\0", nil),
        ] as [(String, String?)])
    func addresses(text: String, written: String?) {
        #expect(IPAddress(text)?.description == written)
    }
}
