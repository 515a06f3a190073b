-- Loyalty data with tier analysis.
CREATE OR REPLACE TEMPORARY VIEW loyalty_program_raw
USING CSV
OPTIONS (
  path "../c360_mock_data/customer/loyalty_program.csv",
  header "true",
  inferSchema "true"
);

CREATE OR REPLACE TEMPORARY VIEW src_loyalty_program AS
SELECT
  loyalty_id,
  customer_id,
  tier AS loyalty_tier,
  CASE tier
    WHEN 'Platinum' THEN 4
    WHEN 'Gold' THEN 3
    WHEN 'Silver' THEN 2
    WHEN 'Bronze' THEN 1
    ELSE 0
  END AS tier_rank,
  points_balance,
  points_earned,
  points_earned - points_balance AS points_redeemed,
  (points_earned - points_balance) / NULLIF(points_earned, 0) AS redemption_rate,
  lifetime_value,
  DATE(enrollment_date) AS enrollment_date,
  DATEDIFF(CURRENT_DATE(), enrollment_date) AS days_enrolled
FROM loyalty_program_raw;
