-- Customer demographics with derived fields.
CREATE OR REPLACE TEMPORARY VIEW customers_raw
USING CSV
OPTIONS (
  path "../c360_mock_data/customer/customers.csv",
  header "true",
  inferSchema "true"
);

CREATE OR REPLACE TEMPORARY VIEW src_customers AS
SELECT
  customer_id,
  TRIM(first_name) AS first_name,
  TRIM(last_name) AS last_name,
  CONCAT(TRIM(first_name), ' ', TRIM(last_name)) AS full_name,
  LOWER(email) AS email,
  phone,
  DATE(date_of_birth) AS date_of_birth,
  gender,
  city,
  UPPER(state) AS state,
  country,
  DATE(registration_date) AS registration_date,
  customer_segment,
  DATEDIFF(CURRENT_DATE(), date_of_birth) / 365.25 AS age_years,
  CASE
    WHEN YEAR(date_of_birth) >= 1997 THEN 'Gen Z'
    WHEN YEAR(date_of_birth) >= 1981 THEN 'Millennial'
    WHEN YEAR(date_of_birth) >= 1965 THEN 'Gen X'
    ELSE 'Boomer'
  END AS generation_segment,
  DATEDIFF(CURRENT_DATE(), registration_date) AS tenure_days,
  YEAR(registration_date) AS registration_year,
  QUARTER(registration_date) AS registration_quarter
FROM customers_raw
WHERE customer_id IS NOT NULL;
