public import Storage

extension TestDatabase {
    /// The engines of two gateways on this database. SQLite is one process's, so both are the same there.
    public func gateways() throws -> [any StorageEngine] {
        engine.dialect.isSingleProcess ? [engine, engine] : [engine, try open()]
    }
}

/// Does something `count` times at once; what each came to, in the order of their numbers.
public func atOnce<Value: Sendable>(
    _ count: Int, _ body: @escaping @Sendable (_ number: Int) async throws -> Value
) async -> [Result<Value, any Error>] {
    await withTaskGroup(of: (Int, Result<Value, any Error>).self) { group in
        for number in 0..<count {
            group.addTask {
                do {
                    return (number, .success(try await body(number)))
                } catch {
                    return (number, .failure(error))
                }
            }
        }
        var results: [(Int, Result<Value, any Error>)] = []
        for await result in group { results.append(result) }
        return results.sorted { $0.0 < $1.0 }.map(\.1)
    }
}
