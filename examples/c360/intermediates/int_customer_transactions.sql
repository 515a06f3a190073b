-- Joins customers, transactions, items and products.
CREATE OR REPLACE TEMPORARY VIEW transaction_items_raw
USING CSV
OPTIONS (
  path "../c360_mock_data/sales/transaction_items.csv",
  header "true",
  inferSchema "true"
);

CREATE OR REPLACE TEMPORARY VIEW int_customer_transactions AS
SELECT
  c.customer_id,
  c.full_name,
  c.customer_segment,
  c.generation_segment,
  t.transaction_id,
  t.transaction_date,
  t.transaction_year,
  t.transaction_month,
  t.time_of_day,
  t.is_weekend,
  t.channel,
  t.payment_method,
  i.item_id,
  i.quantity,
  i.unit_price,
  i.discount_amount,
  i.quantity * i.unit_price - i.discount_amount AS line_total,
  i.quantity * p.unit_margin - i.discount_amount AS line_margin,
  p.product_id,
  p.product_name,
  p.category,
  p.category_group,
  p.price_tier
FROM src_customers c
JOIN src_transactions t ON c.customer_id = t.customer_id
JOIN transaction_items_raw i ON t.transaction_id = i.transaction_id
LEFT JOIN src_products p ON i.product_id = p.product_id;
