/// How long a test waits for what should come at once: longer than a busy machine takes, since only a failure takes it
/// all.
public let patience = Duration.seconds(60)
