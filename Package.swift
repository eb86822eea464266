// swift-tools-version: 6.3
// Reads top to bottom as the architecture: a layer depends on the layers above it in this file and on
// nothing below. `make build` passes --explicit-target-dependency-import-check error, so the compiler
// refuses an import that is not declared here.

import PackageDescription

let strict: [SwiftSetting] = [
    .swiftLanguageMode(.v6),
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("InternalImportsByDefault"),
    .enableUpcomingFeature("MemberImportVisibility"),
    .enableUpcomingFeature("NonisolatedNonsendingByDefault"),
    .enableUpcomingFeature("InferIsolatedConformances"),
    .strictMemorySafety(),
    .treatAllWarnings(as: .error),
]

// MARK: Layers

/// C libraries and C assets; no Swift.
func system(_ name: String, pkgConfig: String, apt: String) -> Target {
    .systemLibrary(name: name, path: "Sources/System/\(name)", pkgConfig: pkgConfig, providers: [.apt([apt])])
}

/// Vocabulary and engines; no word of the business.
func foundation(_ name: String, _ dependencies: [Target.Dependency] = []) -> Target {
    .target(
        name: name, dependencies: dependencies, path: "Sources/Foundations/\(name)", swiftSettings: strict)
}

/// The outside world: engines, HTTP, files, the vendor.
func adapter(_ name: String, _ dependencies: [Target.Dependency] = []) -> Target {
    .target(name: name, dependencies: dependencies, path: "Sources/Adapters/\(name)", swiftSettings: strict)
}

/// What the product is. Domains never import one another: they meet through Events and WorkQueue.
func domain(
    _ name: String, _ dependencies: [Target.Dependency] = [], resources: [Resource] = []
) -> Target {
    .target(
        name: name, dependencies: dependencies, path: "Sources/Domains/\(name)", resources: resources,
        swiftSettings: strict)
}

/// Ways in.
func interface(_ name: String, _ dependencies: [Target.Dependency] = []) -> Target {
    .target(name: name, dependencies: dependencies, path: "Sources/Interfaces/\(name)", swiftSettings: strict)
}

func tests(_ name: String, _ dependencies: [Target.Dependency], resources: [Resource] = []) -> Target {
    .testTarget(
        name: name, dependencies: dependencies, path: "Tests/\(name)", resources: resources,
        swiftSettings: strict)
}

// MARK: Libraries

let argumentParser = Target.Dependency.product(name: "ArgumentParser", package: "swift-argument-parser")
let crypto = Target.Dependency.product(name: "Crypto", package: "swift-crypto")
let grdb = Target.Dependency.product(name: "GRDB", package: "GRDB.swift")
let sqlite = Target.Dependency.product(name: "GRDBSQLite", package: "GRDB.swift")
let httpTypes = Target.Dependency.product(name: "HTTPTypes", package: "swift-http-types")
let hummingbird = Target.Dependency.product(name: "Hummingbird", package: "hummingbird")
let hummingbirdTesting = Target.Dependency.product(name: "HummingbirdTesting", package: "hummingbird")
let unixSignals = Target.Dependency.product(name: "UnixSignals", package: "swift-service-lifecycle")
let lifecycle = Target.Dependency.product(name: "ServiceLifecycle", package: "swift-service-lifecycle")
let logging = Target.Dependency.product(name: "Logging", package: "swift-log")
let nioCore = Target.Dependency.product(name: "NIOCore", package: "swift-nio")
let nioHTTP1 = Target.Dependency.product(name: "NIOHTTP1", package: "swift-nio")
let nioHTTPTypes = Target.Dependency.product(name: "NIOHTTPTypes", package: "swift-nio-extras")
let nioPosix = Target.Dependency.product(name: "NIOPosix", package: "swift-nio")
let yams = Target.Dependency.product(name: "Yams", package: "Yams")

// MARK: The house

let package = Package(
    name: "causeway",
    platforms: [.macOS(.v15)],
    products: [.executable(name: "causeway", targets: ["causeway"])],
    dependencies: [
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
        .package(url: "https://github.com/apple/swift-crypto", from: "4.5.2"),
        .package(url: "https://github.com/apple/swift-http-types", from: "1.8.0"),
        .package(url: "https://github.com/apple/swift-log", from: "1.16.2"),
        .package(url: "https://github.com/apple/swift-nio", from: "2.101.2"),
        .package(url: "https://github.com/apple/swift-nio-extras", from: "1.35.2"),
        .package(url: "https://github.com/groue/GRDB.swift", from: "7.10.0"),
        .package(url: "https://github.com/hummingbird-project/hummingbird", from: "2.28.1"),
        .package(url: "https://github.com/jpsim/Yams", from: "6.2.2"),
        .package(url: "https://github.com/swift-server/swift-service-lifecycle", from: "2.13.0"),
    ],
    targets: [
        // System
        system("CCurl", pkgConfig: "libcurl", apt: "libcurl4-openssl-dev"),
        system("CPostgres", pkgConfig: "libpq", apt: "libpq-dev"),
        system("CZlib", pkgConfig: "zlib", apt: "zlib1g-dev"),
        system("CZstd", pkgConfig: "libzstd", apt: "libzstd-dev"),
        .target(
            name: "CAssets", path: "Sources/System/CAssets",
            cSettings: [.unsafeFlags(["-std=c23"])]),

        // Foundations
        foundation("CausewayCore", [crypto]),
        foundation("CSV"),
        foundation("Compression", ["CZlib", "CZstd"]),
        foundation("Telemetry"),
        foundation("Storage", ["CausewayCore"]),
        foundation("Events", ["CausewayCore", "Storage", logging]),
        foundation("WorkQueue", ["CausewayCore", "Storage", logging]),

        // Adapters
        adapter("StorageSQLite", ["CausewayCore", "Storage", grdb, sqlite]),
        adapter("StoragePostgres", ["CPostgres", "CausewayCore", "Storage", logging]),
        adapter("OutboundHTTP", ["CCurl", "CausewayCore", httpTypes, logging]),
        adapter("FileStore", ["CausewayCore", crypto]),
        adapter("Vendor", ["CausewayCore", "OutboundHTTP", "Telemetry", httpTypes, logging]),

        // Domains
        domain("Access", ["CausewayCore", "Storage", crypto]),
        domain(
            "Exports",
            ["CausewayCore", "CSV", "Storage", "Events", "WorkQueue", "Vendor", "FileStore", logging]),
        domain(
            "Fanout",
            [
                "CausewayCore", "Storage", "Events", "WorkQueue", "OutboundHTTP", "Telemetry", crypto, httpTypes,
                logging,
            ]),
        domain(
            "Imports",
            [
                "CausewayCore", "CSV", "CAssets", "Storage", "Events", "WorkQueue", "Vendor", "FileStore", crypto,
                logging,
            ]),

        // Interfaces
        interface(
            "CausewayAPI",
            [
                "CausewayCore", "Compression", "Storage", "Events", "Vendor", "Access", "Exports", "Fanout", "Imports",
                "CAssets", "Telemetry",
                hummingbird, lifecycle, httpTypes, logging, nioCore, nioHTTPTypes, crypto,
            ]),
        interface(
            "CausewayServer",
            [
                "CausewayCore", "Storage", "StorageSQLite", "StoragePostgres", "Events", "WorkQueue", "OutboundHTTP",
                "FileStore", "Vendor", "Access", "Exports", "Fanout", "Imports", "CausewayAPI",
                "Telemetry", hummingbird, lifecycle, unixSignals, logging, yams,
            ]),
        .executableTarget(
            name: "causeway",
            dependencies: [
                "CausewayCore", "CausewayServer", "VendorSimulator", "OutboundHTTP", "Access", "Exports", "Fanout",
                "Imports", "Storage", argumentParser, crypto, logging, lifecycle, unixSignals, hummingbird, httpTypes,
                nioCore,
            ],
            path: "Sources/Interfaces/causeway", swiftSettings: strict),

        // Simulation: knows none of our modules above Foundations.
        .target(
            name: "VendorSimulator",
            dependencies: [
                "CausewayCore", hummingbird, httpTypes, logging, lifecycle, nioCore, nioHTTP1, nioHTTPTypes, nioPosix,
                crypto,
            ],
            path: "Sources/Simulation/VendorSimulator", swiftSettings: strict),

        // Tests
        .target(
            name: "Support",
            dependencies: ["CausewayCore", "Storage", "StorageSQLite", "StoragePostgres", logging],
            path: "Tests/Support", swiftSettings: strict),
        tests("CausewayCoreTests", ["CausewayCore", "Support"]),
        tests("CSVTests", ["CSV"]),
        tests("CompressionTests", ["Compression", "Support"]),
        tests(
            "ImportsTests",
            [
                "CausewayCore", "CSV", "Storage", "Events", "WorkQueue", "OutboundHTTP", "FileStore", "Vendor",
                "VendorSimulator", "Imports", "Support", httpTypes, logging,
            ]),
        tests(
            "StorageTests",
            [
                "CausewayCore", "Storage", "StorageSQLite", "StoragePostgres", "Events", "WorkQueue", "Support",
                logging,
            ]),
        tests("OutboundHTTPTests", ["CausewayCore", "OutboundHTTP", "Support", httpTypes, logging]),
        tests(
            "VendorTests",
            ["CausewayCore", "OutboundHTTP", "Vendor", "VendorSimulator", "Support", httpTypes, logging]),
        tests("AccessTests", ["CausewayCore", "Storage", "Access", "Support"]),
        tests(
            "ExportsTests",
            [
                "CausewayCore", "Storage", "Events", "WorkQueue", "OutboundHTTP", "FileStore", "Vendor",
                "VendorSimulator", "Exports", "Support", crypto, hummingbird, httpTypes, logging,
            ]),
        tests(
            "FanoutTests",
            [
                "CausewayCore", "Compression", "Storage", "Events", "WorkQueue", "OutboundHTTP", "Fanout", "Support",
                crypto, hummingbird, logging,
            ]),
        tests(
            "CausewayAPITests",
            [
                "CausewayCore", "Compression", "Storage", "Events", "WorkQueue", "OutboundHTTP", "FileStore", "Vendor",
                "Access", "Exports", "Fanout", "Imports", "CausewayAPI", "Support", crypto, hummingbird,
                hummingbirdTesting, httpTypes, logging, nioCore, yams,
            ]),
        tests(
            "CausewayServerTests",
            ["CausewayCore", "Storage", "OutboundHTTP", "Imports", "CausewayServer", "Support", logging]),
        tests(
            "ConformanceTests",
            [
                "CausewayCore", "Storage", "Events", "WorkQueue", "OutboundHTTP", "Access", "Exports", "Fanout",
                "Imports", "CausewayServer", "Support", logging,
            ]),
        tests(
            "VendorSimulatorTests",
            ["CausewayCore", "VendorSimulator", "Support", hummingbird, httpTypes, logging, lifecycle, nioCore]),
        // Start `causeway` itself, which every build of the tests makes as well.
        tests(
            "EndToEndTests",
            [
                "CausewayCore", "Storage", "StorageSQLite", "Fanout", "Support", crypto, hummingbird, httpTypes,
                logging,
            ]),

        // The measured half of `make bench` for checking files; not installed.
        .executableTarget(
            name: "import-bench", dependencies: ["CSV", "Imports"], path: "Tests/Benchmarks/ImportBench",
            swiftSettings: strict),
        // The measured half of `make bench` for the store; not installed.
        .executableTarget(
            name: "storage-bench",
            dependencies: [
                "CausewayCore", "Storage", "StorageSQLite", "StoragePostgres", "Events", "WorkQueue", "OutboundHTTP",
                "Fanout", logging,
            ],
            path: "Tests/Benchmarks/StorageBench", swiftSettings: strict),
    ]
)
