import ServiceLifecycle

/// A part that ends by itself once it is told to stop.
struct StoppableService: Service {
    let body: @Sendable () async throws -> Void
    let stop: @Sendable () -> Void

    init(run: @escaping @Sendable () async throws -> Void, stop: @escaping @Sendable () -> Void) {
        body = run
        self.stop = stop
    }

    func run() async throws {
        try await withGracefulShutdownHandler {
            try await body()
        } onGracefulShutdown: {
            stop()
        }
    }
}

/// A part that may be cut off at any point, since whatever it does is one transaction.
struct CancellableService: Service {
    let body: @Sendable () async throws -> Void

    init(run: @escaping @Sendable () async throws -> Void) { body = run }

    func run() async throws {
        try await cancelWhenGracefulShutdown {
            do {
                try await body()
            } catch is CancellationError {}
        }
    }
}

/// Parts that start and are told to stop together; the end of one by an error ends the others.
struct ConcurrentServices: Service {
    let services: [any Service]

    func run() async throws {
        try await withThrowingTaskGroup(of: Void.self) { group in
            for service in services {
                group.addTask { try await service.run() }
            }
            while try await group.next() != nil {}
        }
    }
}
