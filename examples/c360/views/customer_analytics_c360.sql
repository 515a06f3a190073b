-- The data product: quality filters, health score, risks and opportunities.
CREATE OR REPLACE TEMPORARY VIEW customer_analytics_c360 AS
SELECT
  customer_id,
  first_name,
  last_name,
  email,
  gender,
  city,
  state,
  age_years,
  generation_segment,
  customer_segment,
  tenure_days,
  loyalty_tier,
  points_balance,
  lifetime_value,
  customer_status,
  total_transactions,
  total_items,
  total_spent,
  avg_order_value,
  channels_used,
  preferred_channel,
  first_purchase_date,
  last_purchase_date,
  days_since_last_purchase,
  total_tickets,
  open_tickets,
  avg_satisfaction_score,
  total_sessions,
  app_engagement_score,
  recency_score,
  frequency_score,
  monetary_score,
  (recency_score + frequency_score + monetary_score) / 3.0 AS customer_health_score,
  CASE
    WHEN total_spent >= 1000 THEN 'High Value'
    WHEN total_spent >= 250 THEN 'Medium Value'
    ELSE 'Low Value'
  END AS value_segment,
  CASE
    WHEN customer_status IN ('At Risk', 'Churned', 'Never Purchased') THEN 1
    WHEN avg_satisfaction_score < 3 THEN 1
    ELSE 0
  END AS churn_risk_flag,
  CASE WHEN avg_satisfaction_score < 3 OR open_tickets > 1 THEN 1 ELSE 0 END AS satisfaction_risk_flag,
  CASE WHEN total_spent >= 250 AND tier_rank < 3 THEN 1 ELSE 0 END AS tier_upgrade_opportunity,
  CASE WHEN channels_used = 1 AND total_transactions > 1 THEN 1 ELSE 0 END AS channel_expansion_opportunity,
  CASE WHEN total_sessions = 0 AND total_transactions > 0 THEN 1 ELSE 0 END AS app_adoption_opportunity,
  CASE WHEN avg_order_value >= 100 AND customer_segment <> 'Premium' THEN 1 ELSE 0 END AS upsell_opportunity,
  CASE WHEN categories_purchased = 1 AND total_transactions > 1 THEN 1 ELSE 0 END AS cross_sell_opportunity,
  CURRENT_TIMESTAMP() AS processed_at
FROM fct_customer_360_profile
WHERE customer_id IS NOT NULL
  AND email IS NOT NULL
  AND email <> '';

COMMENT ON customer_analytics_c360 IS 'Customer 360 data product: one row a customer.
Scores run from 1 to 5; customer_health_score is their mean;
-- churn_risk_flag is 1 for customers without a purchase in the last 30 days.';
