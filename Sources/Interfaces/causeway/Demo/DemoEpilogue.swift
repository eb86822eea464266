import CausewayCore

/// `--keep`: everybody stays, and what arrives is shown until it is cancelled.
struct DemoEpilogue: Sendable {
    let stage: DemoStage
    let terminal: DemoTerminal

    func play() async {
        terminal.open("Everybody stays: try it from another terminal; Ctrl-C ends it")
        let lines = [
            "cd \(stage.directory.path)",
            "export KEY=\(stage.key) GATEWAY=\(stage.gateway) VENDOR=\(stage.simulator)",
            #"curl -u ":$KEY" $GATEWAY/v1/exports --json '{"report":"vrc_123457"}'"#,
            #"curl -u ":$KEY" "$GATEWAY/v1/exports?limit=5""#,
            #"curl -u ":$KEY" "$GATEWAY/v1/imports/customers?mode=dry_run" -T customers.csv"#,
            #"curl -u ":$KEY" "$GATEWAY/v1/deliveries?limit=5""#,
            #"curl -u ":$KEY" "$GATEWAY/v1/audit?limit=5""#,
            "curl $GATEWAY/openapi.yaml",
            "curl -X POST $VENDOR/simulator/limits/reset",
            "tail -f gateway.log simulator.log",
        ]
        for line in lines { terminal.command(line) }
        terminal.line("\n   What arrives at the subscribers:")
        for await arrival in stage.arrivals { terminal.line(arrival.text) }
    }
}
