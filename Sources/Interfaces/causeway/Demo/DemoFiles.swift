/// The files that are uploaded. A cell with a line break shows that rows and lines are counted apart.
enum DemoFiles {
    static let withMistakes = """
        email,customer_key,name,created_at,company_name
        ana@example.com,cus_1001,Ana Lima,2026-11-03,"Lima, Söhne
        und Töchter"
        mailto:bo@example.com,cus_1002,Bo Chen,2026-11-04,Chen Ltd
        cai@example.com,cus_1003,Cai Roe,25/11/2026,Roe Inc
        ,cus_1004,Dee Fox,2026-11-06,Fox Co
        eve@example.com,cus_1005,Eve Ito,2026-11-07,Ito KK

        """

    /// Row, column and code, in the order in which they stand in the file.
    static let mistakes = ["2 email invalid_email", "3 created_at invalid_date", "4 email required"]

    static let mended = """
        email,customer_key,name,created_at,company_name
        ana@example.com,cus_1001,Ana Lima,2026-11-03,"Lima, Söhne
        und Töchter"
        bo@example.com,cus_1002,Bo Chen,2026-11-04,Chen Ltd
        cai@example.com,cus_1003,Cai Roe,2026-11-25,Roe Inc
        dee@example.com,cus_1004,Dee Fox,2026-11-06,Fox Co
        eve@example.com,cus_1005,Eve Ito,2026-11-07,Ito KK

        """
}
