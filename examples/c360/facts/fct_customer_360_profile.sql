-- Complete customer profile with metrics and RFM scores.
CREATE OR REPLACE TEMPORARY VIEW support_tickets_raw
USING CSV
OPTIONS (
  path "../c360_mock_data/support/support_tickets.csv",
  header "true",
  inferSchema "true"
);

CREATE OR REPLACE TEMPORARY VIEW app_usage_raw
USING CSV
OPTIONS (
  path "../c360_mock_data/digital/app_usage.csv",
  header "true",
  inferSchema "true"
);

CREATE OR REPLACE TEMPORARY VIEW fct_customer_360_profile AS
WITH transaction_metrics AS (
  SELECT
    customer_id,
    COUNT(DISTINCT transaction_id) AS total_transactions,
    SUM(quantity) AS total_items,
    ROUND(SUM(line_total), 2) AS total_spent,
    ROUND(SUM(line_total) / COUNT(DISTINCT transaction_id), 2) AS avg_order_value,
    ROUND(SUM(line_margin), 2) AS total_margin,
    COUNT(DISTINCT channel) AS channels_used,
    COUNT(DISTINCT category) AS categories_purchased,
    MIN(transaction_date) AS first_purchase_date,
    MAX(transaction_date) AS last_purchase_date,
    DATEDIFF(CURRENT_DATE(), MAX(transaction_date)) AS days_since_last_purchase
  FROM int_customer_transactions
  GROUP BY customer_id
),
channel_ranks AS (
  SELECT
    customer_id,
    channel,
    ROW_NUMBER() OVER (
      PARTITION BY customer_id
      ORDER BY COUNT(DISTINCT transaction_id) DESC, channel
    ) AS channel_rank
  FROM int_customer_transactions
  GROUP BY customer_id, channel
),
support_metrics AS (
  SELECT
    customer_id,
    COUNT(*) AS total_tickets,
    SUM(CASE WHEN status = 'Open' THEN 1 ELSE 0 END) AS open_tickets,
    SUM(CASE WHEN priority = 'High' THEN 1 ELSE 0 END) AS high_priority_tickets,
    AVG(resolution_hours) AS avg_resolution_hours,
    AVG(satisfaction_score) AS avg_satisfaction_score
  FROM support_tickets_raw
  GROUP BY customer_id
),
app_metrics AS (
  SELECT
    customer_id,
    COUNT(*) AS total_sessions,
    SUM(session_minutes) AS total_app_minutes,
    SUM(pages_viewed) AS total_pages_viewed,
    COUNT(DISTINCT device_type) AS device_types_used,
    0.3 * COUNT(*) + 0.4 * SUM(pages_viewed) + 0.3 * SUM(session_minutes) AS app_engagement_score
  FROM app_usage_raw
  GROUP BY customer_id
),
scores AS (
  SELECT
    c.customer_id,
    CASE
      WHEN t.days_since_last_purchase <= 30 THEN 5
      WHEN t.days_since_last_purchase <= 60 THEN 4
      WHEN t.days_since_last_purchase <= 90 THEN 3
      WHEN t.days_since_last_purchase <= 180 THEN 2
      ELSE 1
    END AS recency_score,
    CASE
      WHEN t.total_transactions >= 8 THEN 5
      WHEN t.total_transactions >= 5 THEN 4
      WHEN t.total_transactions >= 3 THEN 3
      WHEN t.total_transactions >= 2 THEN 2
      ELSE 1
    END AS frequency_score,
    CASE
      WHEN t.total_spent >= 1000 THEN 5
      WHEN t.total_spent >= 500 THEN 4
      WHEN t.total_spent >= 250 THEN 3
      WHEN t.total_spent >= 100 THEN 2
      ELSE 1
    END AS monetary_score
  FROM src_customers c
  LEFT JOIN transaction_metrics t ON c.customer_id = t.customer_id
)
SELECT
  c.customer_id,
  c.first_name,
  c.last_name,
  c.full_name,
  c.email,
  c.gender,
  c.city,
  c.state,
  c.age_years,
  c.generation_segment,
  c.customer_segment,
  c.registration_date,
  c.tenure_days,
  COALESCE(l.loyalty_tier, 'None') AS loyalty_tier,
  COALESCE(l.tier_rank, 0) AS tier_rank,
  COALESCE(l.points_balance, 0) AS points_balance,
  COALESCE(l.lifetime_value, 0.0) AS lifetime_value,
  COALESCE(t.total_transactions, 0) AS total_transactions,
  COALESCE(t.total_items, 0) AS total_items,
  COALESCE(t.total_spent, 0.0) AS total_spent,
  COALESCE(t.avg_order_value, 0.0) AS avg_order_value,
  COALESCE(t.total_margin, 0.0) AS total_margin,
  COALESCE(t.channels_used, 0) AS channels_used,
  COALESCE(t.categories_purchased, 0) AS categories_purchased,
  t.first_purchase_date,
  t.last_purchase_date,
  t.days_since_last_purchase,
  COALESCE(r.channel, 'None') AS preferred_channel,
  COALESCE(s.total_tickets, 0) AS total_tickets,
  COALESCE(s.open_tickets, 0) AS open_tickets,
  COALESCE(s.high_priority_tickets, 0) AS high_priority_tickets,
  s.avg_resolution_hours,
  s.avg_satisfaction_score,
  COALESCE(a.total_sessions, 0) AS total_sessions,
  COALESCE(a.total_app_minutes, 0) AS total_app_minutes,
  COALESCE(a.device_types_used, 0) AS device_types_used,
  COALESCE(a.app_engagement_score, 0.0) AS app_engagement_score,
  x.recency_score,
  x.frequency_score,
  x.monetary_score,
  CASE
    WHEN t.days_since_last_purchase IS NULL THEN 'Never Purchased'
    WHEN t.days_since_last_purchase <= 30 THEN 'Active'
    WHEN t.days_since_last_purchase <= 90 THEN 'At Risk'
    ELSE 'Churned'
  END AS customer_status
FROM src_customers c
JOIN scores x ON c.customer_id = x.customer_id
LEFT JOIN src_loyalty_program l ON c.customer_id = l.customer_id
LEFT JOIN transaction_metrics t ON c.customer_id = t.customer_id
LEFT JOIN channel_ranks r ON c.customer_id = r.customer_id AND r.channel_rank = 1
LEFT JOIN support_metrics s ON c.customer_id = s.customer_id
LEFT JOIN app_metrics a ON c.customer_id = a.customer_id;
