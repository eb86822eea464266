import CSV

/// What a code means and how to mend it, whatever the column.
struct ProblemGuide {
    var meaning: String
    var remedy: String

    static func of(_ code: ProblemCode) -> ProblemGuide {
        guard let entry = entries[code] else { return ProblemGuide(meaning: code.rawValue, remedy: "") }
        return ProblemGuide(meaning: entry.0, remedy: entry.1)
    }

    private static let limits = CSVLimits()

    /// A test holds them against all codes.
    static let entries: [ProblemCode: (String, String)] = [
        // The file.
        .emptyFile: ("The file holds nothing.", "Send a header and at least one row."),
        .noRows: ("There is a header, and nothing below it.", "Add at least one row."),
        .binaryFile: ("This is a workbook, an archive or another thing that is no text.", "Save it as \"CSV UTF-8\"."),
        .invalidEncoding: (
            "A byte is not text in the encoding that the file was read in.",
            "Save it as \"CSV UTF-8\", or declare what it is: `Content-Type: text/csv; charset=windows-1252`."
        ),
        .missingColumn: ("The header lacks a column without which no row can be right.", "Add the column."),
        .duplicateColumn: ("The header names a column twice.", "Take one out."),
        .unknownColumn: (
            "The header names a column that is not known here.",
            "Spell it as `suggestion` says, take it out, or declare it in the settings."
        ),
        .tooManyColumns: ("The header has more than \(limits.columns) columns.", "Take out what is not imported."),
        .headerTooLong: (
            "The first line is longer than \(limits.header >> 10) KiB.", "Put a header with the columns' names first."
        ),
        // The row's structure.
        .raggedRow: (
            "The row has more or fewer cells than the header.",
            "Put a cell that holds the delimiter in quotes; leave no delimiter out where a cell is empty."
        ),
        .unclosedQuote: (
            "A quote opens and does not close within \(limits.lines) lines.",
            "Close it; a quote that is meant as one is doubled: `\"\"`."
        ),
        .textAfterQuote: (
            "Something stands between a closing quote and the next delimiter.",
            "Put the whole cell in quotes, and double those within: `\"say \"\"yes\"\"\"`."
        ),
        .recordTooLong: ("The row is longer than \(limits.record >> 10) KiB.", "Shorten it; is a line end missing?"),
        .cellTooLong: ("The cell has more than \(limits.cell) characters.", "Shorten it."),
        .nulByte: ("The row holds a NUL byte.", "Take it out; the file may have been saved as UTF-16."),
        // The rules.
        .required: ("A required cell is empty, or the whole row is.", "Fill it, or take the row out."),
        .atLeastOneOf: ("None of several columns is given of which one is needed.", "Fill one of them."),
        .exactlyOneOf: ("None, or more than one, of columns that exclude one another is given.", "Fill exactly one."),
        .requiresColumn: (
            "A cell is given that needs another one, or another value of it.", "Fill the other, or empty this one."
        ),
        .invalidEmail: ("This is no e-mail address.", "Write it as `name@example.com`, and nothing else in the cell."),
        .invalidDate: (
            "This is no day of the calendar.",
            "Write `YYYY-MM-DD`. Spreadsheets change dates when they save: format the column as text."
        ),
        .invalidAmount: (
            "This is no number of the form wanted, or out of its bounds.",
            "Digits without thousands' separators or currency signs, `-` before them where negative."
        ),
        .invalidCurrency: ("This is no currency in use.", "Three capital letters after ISO 4217, such as `USD`."),
        .invalidEnum: ("This is none of the words that the column takes.", "Write one of them exactly so."),
        .invalidBoolean: ("This is neither true nor false.", "Write `true` or `false` in small letters."),
        .tooLong: ("The cell has more characters than the column takes.", "Shorten it."),
        .tooShort: ("The cell has fewer characters than the column takes.", "Write it in full."),
        .metadataKey: (
            "A metadata column's name is too long or has other characters than letters, digits and `_`.",
            "Rename the column."
        ),
        .metadataValue: ("A metadata cell has too many characters.", "Shorten it."),
        .metadataCount: ("The row has too many filled metadata cells.", "Leave some empty."),
        .duplicateRow: ("The same row stands in the file before.", "Take it out if it is not meant twice."),
        .duplicateKey: ("An earlier row of the file names the same thing.", "Keep one of the rows."),
        .rowAlreadyForwarded: (
            "The same row was forwarded with another file in the last days; sending it again could pay twice.",
            "Take it out; `force=true` sends it all the same."
        ),
    ]
}
