import Storage

/// What belongs to no domain: the installation as a whole.
enum HouseMigrations {
    static let all = [
        Migration(
            number: 5, reason: "Which data directory belongs to this database.",
            statements: [
                "CREATE TABLE installation (id BIGINT PRIMARY KEY, identity TEXT NOT NULL, directory TEXT)"
            ])
    ]
}
