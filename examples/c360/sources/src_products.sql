-- Product catalog with category groupings.
CREATE OR REPLACE TEMPORARY VIEW products_raw
USING CSV
OPTIONS (
  path "../c360_mock_data/products/products.csv",
  header "true",
  inferSchema "true"
);

CREATE OR REPLACE TEMPORARY VIEW src_products AS
SELECT
  product_id,
  product_name,
  category,
  brand,
  unit_price,
  unit_cost,
  ROUND(unit_price - unit_cost, 2) AS unit_margin,
  ROUND((unit_price - unit_cost) / unit_price * 100, 1) AS margin_percent,
  CASE
    WHEN category IN ('Electronics') THEN 'Technology'
    WHEN category IN ('Home') THEN 'Home & Living'
    WHEN category IN ('Clothing', 'Beauty') THEN 'Fashion'
    ELSE 'Lifestyle'
  END AS category_group,
  CASE
    WHEN unit_price >= 200 THEN 'Premium'
    WHEN unit_price >= 50 THEN 'Mid-range'
    ELSE 'Budget'
  END AS price_tier
FROM products_raw;
