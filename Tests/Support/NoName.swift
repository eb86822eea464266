/// A host's name that has no address, and that no server is asked about: a label has 63 bytes at most.
public let noName = String(repeating: "a", count: 64) + ".invalid"
