import ArgumentParser

@main
struct Causeway: AsyncParsableCommand {
    static let configuration = CommandConfiguration(commandName: "causeway", subcommands: [Simulate.self])
}
