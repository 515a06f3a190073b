-- Pipeline Summary
SELECT
  COUNT(*) AS total_customers,
  SUM(CASE WHEN customer_status = 'Active' THEN 1 ELSE 0 END) AS active_customers,
  SUM(churn_risk_flag) AS at_risk_customers,
  ROUND(SUM(total_spent), 2) AS total_revenue,
  ROUND(AVG(customer_health_score), 2) AS avg_health_score
FROM customer_analytics_c360;

-- Top 5 customers by health score
SELECT
  customer_id,
  first_name || ' ' || last_name AS customer_name,
  loyalty_tier,
  customer_status,
  total_spent,
  ROUND(customer_health_score, 2) AS health_score
FROM customer_analytics_c360
ORDER BY customer_health_score DESC, customer_id
LIMIT 5;
