import CausewayCore

/// A saved report of the account.
public struct ReportConfiguration: Sendable {
    public var key: String
    public var name: String
    public var type: ReportType
    /// False: it belongs to another company, and a trigger is refused with 403.
    public var isOurs = true

    public init(key: String, name: String? = nil, type: ReportType, isOurs: Bool = true) {
        self.key = key
        self.name = name ?? "Saved \(type.rawValue)"
        self.type = type
        self.isOurs = isOurs
    }

    /// One of each type, the guide's `vrc_123456` first, and one of somebody else's (`vrc_999999`).
    public static let samples: [Self] = [
        .init(key: "vrc_123456", name: "Partners, last 12 months", type: .partnerTeamMember),
        .init(key: "vrc_123457", name: "Customers, last 12 months", type: .customer),
        .init(key: "vrc_123458", name: "Clicks, last 30 days", type: .click),
        .init(key: "vrc_123459", name: "Products, this year", type: .productPerformance),
        .init(key: "vrc_123460", name: "Leads, last 90 days", type: .lead),
        .init(key: "vrc_123461", name: "Deals, last 90 days", type: .deal),
        .init(key: "vrc_123462", name: "Partner activity, this month", type: .partnerActivation),
        .init(key: "vrc_999999", name: "Another company's", type: .customer, isOurs: false),
    ]

    /// `count` further reports, `vrc_200001` on, of all types in turn.
    public static func further(_ count: Int) -> [Self] {
        (0..<count).map { number in
            let type = ReportType.allCases[number % ReportType.allCases.count]
            return .init(key: "vrc_\(200_001 + number)", name: "Report \(number + 1)", type: type)
        }
    }

    /// The saved filters, groupings and sorting, as the guide's example has them.
    var reportConfig: JSONValue {
        [
            "filters": [
                "start_date": 1_690_070_400_000, "end_date": 1_721_779_199_000, "date_range_key": "last_12_months",
                "group_keys": [], "partnership_keys": [], "product_keys": [], "team_stack_keys": [], "locations": [],
            ],
            "groupings": ["primary_grouping": .string(type.grouping), "secondary_grouping": ""],
            "order_by": ["-revenue_amount_usd"], "hidden_fields": [], "action_options": [],
        ]
    }

    func json(createdAt: Timestamp) -> JSONValue {
        [
            "key": .string(key), "name": .string(name), "report_type": .string(type.rawValue),
            "report_config": reportConfig, "created_at": .integer(createdAt.milliseconds),
            "updated_at": .integer(createdAt.milliseconds),
        ]
    }
}

/// The seven report types of the report export guide.
public enum ReportType: String, Sendable, CaseIterable {
    case click = "click_report"
    case customer = "customer_report"
    case partnerTeamMember = "partner_team_member_report"
    case productPerformance = "product_performance_report"
    case lead = "lead_report"
    case deal = "deal_report"
    case partnerActivation = "partner_activation_report"

    var grouping: String {
        switch self {
        case .click: "link_key"
        case .customer: "customer_key"
        case .partnerTeamMember: "partner_team_name"
        case .productPerformance: "product_key"
        case .lead, .deal: "status"
        case .partnerActivation: "partner_key"
        }
    }
}

/// The files of the partner data guide, which a base records export mails.
public enum RecordType: String, Sendable, CaseIterable {
    case partners, rewards, transactions, customers, leads, deals
    case applicationResponses = "application_responses"
}
