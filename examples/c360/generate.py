#!/usr/bin/env python3
"""Makes the mock data of the Customer 360 project.

    generate.py                               15 customers as CSV, the data that is shipped
    generate.py --customers 100000 --out DIR  more, for measuring
    generate.py --format json|parquet         other formats (parquet needs pyarrow)

The same seed gives the same bytes. The first 15 customers are written by hand; each later one
follows the habits of one of them, with names, dates and purchases drawn at random.
"""
import argparse
import csv
import datetime as dt
import json
import pathlib
import random

PEOPLE = [  # first name, last name, date of birth, gender, city, state, segment
    ("James", "Wilson", "1985-03-12", "M", "Austin", "TX", "Premium"),
    ("Maria", "Garcia", "1990-07-25", "F", "Miami", "FL", "Standard"),
    ("Robert", "Johnson", "1958-11-02", "M", "Chicago", "IL", "Basic"),
    ("Patricia", "Brown", "1979-01-30", "F", "Seattle", "WA", "Premium"),
    ("Michael", "Davis", "1998-05-17", "M", "Denver", "CO", "Standard"),
    ("Linda", "Miller", "1968-09-08", "F", "Boston", "MA", "Premium"),
    ("David", "Martinez", "1983-12-19", "M", "Phoenix", "AZ", "Standard"),
    ("Susan", "Taylor", "2001-04-04", "F", "Portland", "OR", "Basic"),
    ("Lisa", "Anderson", "1987-06-21", "F", "San Francisco", "CA", "Premium"),
    ("Thomas", "Moore", "1962-02-14", "M", "Atlanta", "GA", "Basic"),
    ("Karen", "Jackson", "1993-10-11", "F", "Dallas", "TX", "Standard"),
    ("Daniel", "White", "1976-08-29", "M", "Detroit", "MI", "Standard"),
    ("Nancy", "Harris", "1955-03-03", "F", "Tampa", "FL", "Basic"),
    ("Mark", "Clark", "1996-12-01", "M", "Las Vegas", "NV", "Standard"),
    ("Betty", "Lewis", "1971-07-07", "F", "Columbus", "OH", "Basic"),
]

PRODUCTS = [  # id, name, category, brand, price, cost
    ("PROD001", "Laptop 14", "Electronics", "Nordic", "899.99", "640.00"),
    ("PROD002", "Wireless Earbuds", "Electronics", "Sonora", "119.99", "58.00"),
    ("PROD003", "Smart Watch", "Electronics", "Sonora", "199.99", "110.00"),
    ("PROD004", "Coffee Maker", "Home", "Brewster", "79.99", "41.00"),
    ("PROD005", "Running Shoes", "Sports", "Fleet", "89.99", "38.00"),
    ("PROD006", "Yoga Mat", "Sports", "Fleet", "29.99", "9.50"),
    ("PROD007", "Winter Jacket", "Clothing", "Alpen", "129.99", "60.00"),
    ("PROD008", "Jeans", "Clothing", "Denimco", "59.99", "22.00"),
    ("PROD009", "Blender", "Home", "Brewster", "49.99", "24.00"),
    ("PROD010", "Desk Lamp", "Home", "Lumen", "34.99", "13.00"),
    ("PROD011", "Backpack", "Sports", "Alpen", "64.99", "26.00"),
    ("PROD012", "Tablet 10", "Electronics", "Nordic", "329.99", "220.00"),
    ("PROD013", "Headphones", "Electronics", "Sonora", "149.99", "75.00"),
    ("PROD014", "Perfume", "Beauty", "Fleur", "74.99", "21.00"),
    ("PROD015", "Novel", "Books", "Quire", "14.99", "5.00"),
    ("PROD016", "Board Game", "Toys", "Quire", "39.99", "16.00"),
    ("PROD017", "Bluetooth Speaker", "Electronics", "Sonora", "99.99", "49.00"),
    ("PROD018", "Monitor 27", "Electronics", "Nordic", "249.99", "170.00"),
    ("PROD019", "Throw Blanket", "Home", "Lumen", "45.00", "17.00"),
    ("PROD020", "Office Chair", "Home", "Lumen", "259.00", "140.00"),
]

# What each of the 15 bought: a list of transactions, each a list of product numbers.
PURCHASES = [
    [[3], [9], [8]], [[18], [8]], [[5]], [[12], [3]], [[4], [11]], [[13], [4], [9]], [[20]],
    [[3], [14]], [[1], [2]], [[7]], [[13], [11], [19]], [[2]], [[12], [14]], [[12, 18]], [[19]],
]
CHANNELS = ["Online", "Store", "Mobile"]
TIERS = ["Gold", "Silver", "Bronze", "Gold", "Silver", "Gold", "Bronze", "Bronze", "Platinum",
         "Bronze", "Silver", "Bronze", "Silver", "Gold", None]
ISSUES = ["Delivery", "Returns", "Billing", "Product Quality", "Account"]
COLUMNS = {
    "customer/customers": "customer_id,first_name,last_name,email,phone,date_of_birth,gender,city,"
                          "state,country,registration_date,customer_segment",
    "customer/loyalty_program": "loyalty_id,customer_id,tier,points_balance,points_earned,"
                                "lifetime_value,enrollment_date",
    "products/products": "product_id,product_name,category,brand,unit_price,unit_cost",
    "sales/transactions": "transaction_id,customer_id,transaction_timestamp,channel,payment_method,"
                          "total_amount",
    "sales/transaction_items": "item_id,transaction_id,product_id,quantity,unit_price,"
                               "discount_amount",
    "support/support_tickets": "ticket_id,customer_id,created_date,issue_type,priority,status,"
                               "resolution_hours,satisfaction_score",
    "digital/app_usage": "usage_id,customer_id,session_date,device_type,session_minutes,pages_viewed",
}


def day(first, days):
    return (dt.date.fromisoformat(first) + dt.timedelta(days=days)).isoformat()


def rows(customers, seed):
    """Yields (table, row) for every row of every table."""
    draw = random.Random(seed)
    for product in PRODUCTS:
        yield "products/products", product
    numbers = {"transaction": 0, "item": 0, "ticket": 0, "usage": 0, "loyalty": 0}

    def number(kind, prefix, width):
        numbers[kind] += 1
        return f"{prefix}{numbers[kind]:0{width}d}"

    for at in range(customers):
        habit = at % len(PEOPLE)
        first, last, born, gender, city, state, segment = PEOPLE[habit]
        if at >= len(PEOPLE):
            first, last = draw.choice(PEOPLE)[0], draw.choice(PEOPLE)[1]
            born = day("1950-01-01", draw.randrange(20000))
        customer = f"CUST{at + 1:03d}"
        email = f"{first}.{last}{at + 1}@example.com".lower()
        yield "customer/customers", (
            customer, first, last, email, f"555-{at % 10000:04d}", born, gender, city, state, "USA",
            day("2020-01-15", draw.randrange(1200)), segment)
        if TIERS[habit]:
            earned = 250 * (habit + 2) + draw.randrange(200)
            yield "customer/loyalty_program", (
                number("loyalty", "LOY", 4), customer, TIERS[habit], earned // 3, earned,
                f"{earned * 0.9:.2f}", day("2021-02-01", draw.randrange(900)))
        for basket in PURCHASES[habit]:
            transaction = number("transaction", "TXN", 5)
            when = f"{day('2024-05-01', draw.randrange(60))} {draw.randrange(8, 22):02d}:" \
                   f"{draw.randrange(60):02d}:00"
            if at >= len(PEOPLE):
                basket = [draw.randrange(1, len(PRODUCTS) + 1) for _ in basket]
            cents = 0
            for bought in basket:
                product = PRODUCTS[bought - 1]
                cents += round(float(product[4]) * 100)
                yield "sales/transaction_items", (
                    number("item", "ITEM", 5), transaction, product[0], 1, product[4], "0.00")
            yield "sales/transactions", (
                transaction, customer, when, CHANNELS[(habit + draw.randrange(2)) % 3],
                draw.choice(["Credit Card", "Debit Card", "PayPal"]), f"{cents / 100:.2f}")
        for _ in range(habit % 3):
            closed = draw.random() < 0.8
            yield "support/support_tickets", (
                number("ticket", "TKT", 4), customer, day("2024-04-20", draw.randrange(60)),
                draw.choice(ISSUES), draw.choice(["Low", "Medium", "High"]),
                "Resolved" if closed else "Open", draw.randrange(2, 72) if closed else "",
                draw.randrange(2, 6) if closed else "")
        for _ in range((habit * 7) % 5):
            yield "digital/app_usage", (
                number("usage", "USE", 5), customer, day("2024-05-01", draw.randrange(60)),
                draw.choice(["iOS", "Android", "Web"]), draw.randrange(3, 45), draw.randrange(2, 30))


def typed(text):
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            pass
    return text or None


def write(out, form, customers, seed):
    tables = {table: [] for table in COLUMNS}
    for table, row in rows(customers, seed):
        tables[table].append(row)
    for table, found in tables.items():
        names = COLUMNS[table].split(",")
        path = out / f"{table}.{form}"
        path.parent.mkdir(parents=True, exist_ok=True)
        if form == "csv":
            with path.open("w", newline="") as file:
                lines = csv.writer(file, lineterminator="\n")
                lines.writerow(names)
                lines.writerows(found)
        elif form == "json":
            with path.open("w") as file:
                for row in found:
                    values = {name: typed(str(value)) for name, value in zip(names, row)}
                    file.write(json.dumps(values) + "\n")
        else:
            import pyarrow as pa
            import pyarrow.parquet as pq
            columns = [[typed(str(value)) for value in column] for column in zip(*found)]
            pq.write_table(pa.table(dict(zip(names, columns))), path)
        print(f"{len(found):>10} {path}")


if __name__ == "__main__":
    here = pathlib.Path(__file__).resolve().parent
    arguments = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    arguments.add_argument("--customers", type=int, default=15)
    arguments.add_argument("--format", choices=["csv", "json", "parquet"], default="csv")
    arguments.add_argument("--out", type=pathlib.Path, default=here / "c360_mock_data")
    arguments.add_argument("--seed", type=int, default=360)
    chosen = arguments.parse_args()
    write(chosen.out, chosen.format, chosen.customers, chosen.seed)
