/// Which columns each file has. A report's are nowhere listed and made after its dashboard; those of the records
/// are the partner data guide's, in its spelling, odd capitals and misspellings included.
enum ReportColumns {
    static func of(_ type: ReportType) -> [ReportColumn] {
        let names =
            switch type {
            case .click: "link_key,partner_key,partner_email,clicks,unique_clicks,signups,created_at"
            case .customer:
                "customer_key,customer_email,customer_company,partner_key,partner_team_name,created_at,"
                    + "number_of_transactions,revenue_amount_usd"
            case .partnerTeamMember:
                "partner_key,partner_team_name,partner_email,group_name,signups,paid_customers,revenue_amount_usd,"
                    + "commission_amount_usd,joined_at"
            case .productPerformance: "product_key,product_name,customers,transactions,revenue_amount_usd"
            case .lead: "lead_key,lead_email,lead_status,partner_key,partner_team_name,created_at"
            case .deal: "deal_key,account_name,deal_stage,deal_amount,partner_key,partner_team_name,close_date"
            case .partnerActivation: "partner_key,partner_team_name,partner_email,logins,clicks,last_active_at"
            }
        return columns(names)
    }

    static func of(_ type: RecordType) -> [ReportColumn] {
        let shared = "Partner_id,partner_name,partner_group,partner_program_join_date,partner_group_join_date,"
        let names =
            switch type {
            case .applicationResponses:
                "partner_id,partner_name,partner_group,partner_program_join_date,partner_group_join_date,"
                    + "partner_manager,partner_tags,application_approved,exported_at,First name,Last name,email,"
                    + "Agreement,Business description"
            case .customers:
                "Partner_id,partner_name,partner_group,partner-program_join_date,partner_group_join_date,"
                    + "partner_manager,partner_tags,customer_creation_date,customer_key,customer_ps_key,"
                    + "customer_creation_source,customer_email,customer_has paid_,customer_company,"
                    + "number_of_transactions_for_customer,subscription_plan_name,subscription_plan_value,"
                    + "subscription_count,exported_at"
            case .deals:
                "Partner_id,deal_account_name,deal_email,deal_stage,deal_amount,deal_last_updated,deal_close_date,"
                    + "deal_created_date,deal_lost_reason,deal_contact_first_name,customer_key,customer_ps_key,"
                    + "customer_name,exported_at"
            case .leads:
                "partner_id,partner_name,partner_program_join_date,partner_group_join_date,partner_manager,"
                    + "partner_tags,lead_email,lead_status,lead_amount,lead_last_updated,lead_created_date,"
                    + "lead_approved,lead_decline_reason,customer_key,customer_ps_key,customer_name,exported_at"
            case .partners:
                "partner_id,partner_firstname,partner_group,partner_program_join_date,partner_group_join_date,"
                    + "archived_status,partner_email,partner_manager,partner_tags,total_number_of_customers,"
                    + "total_number_of_transactions,total_sum_of_transactions_usd,total_sum_of_rewards,exported_at"
            case .rewards:
                shared + "parnter_manager,partner_tags,reward_key,reward_amount,reward_description,"
                    + "reward_created_date,reward_status,reward_source,reward_transaction_key,reward_customer_key,"
                    + "reward_release_date,reward_subscription_key,exported_at"
            case .transactions:
                shared + "parnter_manager,partner_tags,transaction_key,transaction_create_date,"
                    + "transaction_product_key,transaction_amount,transaction_currency,transaction_approved,"
                    + "unapproved_reasons,reward_key,reward_amount,customer_key,customer_ps_key,customer_name,"
                    + "subscription_plan,exported_at"
            }
        return columns(names)
    }

    private static func columns(_ names: String) -> [ReportColumn] {
        names.split(separator: ",").map { ReportColumn(String($0)) }
    }
}
