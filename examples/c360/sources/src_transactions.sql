-- Sales data with time-based enrichment.
CREATE OR REPLACE TEMPORARY VIEW transactions_raw
USING CSV
OPTIONS (
  path "../c360_mock_data/sales/transactions.csv",
  header "true",
  inferSchema "true"
);

CREATE OR REPLACE TEMPORARY VIEW src_transactions AS
SELECT
  transaction_id,
  customer_id,
  transaction_timestamp,
  DATE(transaction_timestamp) AS transaction_date,
  YEAR(transaction_timestamp) AS transaction_year,
  MONTH(transaction_timestamp) AS transaction_month,
  QUARTER(transaction_timestamp) AS transaction_quarter,
  DAYOFWEEK(transaction_timestamp) AS transaction_day_of_week,
  HOUR(transaction_timestamp) AS transaction_hour,
  CASE
    WHEN HOUR(transaction_timestamp) < 12 THEN 'Morning'
    WHEN HOUR(transaction_timestamp) < 17 THEN 'Afternoon'
    ELSE 'Evening'
  END AS time_of_day,
  CASE WHEN DAYOFWEEK(transaction_timestamp) IN (1, 7) THEN 1 ELSE 0 END AS is_weekend,
  channel,
  payment_method,
  total_amount
FROM transactions_raw
WHERE total_amount > 0;
