import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.Collection;
import java.util.List;
import java.util.Objects;
import java.util.logging.LogManager;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import schemacrawler.schema.Catalog;
import schemacrawler.schema.Column;
import schemacrawler.schema.ColumnReference;
import schemacrawler.schema.ForeignKey;
import schemacrawler.schema.NamedObject;
import schemacrawler.schema.Schema;
import schemacrawler.schema.Table;
import schemacrawler.schemacrawler.LimitOptionsBuilder;
import schemacrawler.schemacrawler.LoadOptionsBuilder;
import schemacrawler.schemacrawler.SchemaCrawlerOptions;
import schemacrawler.schemacrawler.SchemaCrawlerOptionsBuilder;
import schemacrawler.schemacrawler.SchemaInfoLevelBuilder;
import schemacrawler.tools.utility.SchemaCrawlerUtility;
import us.fatehi.utility.datasource.DatabaseConnectionSource;
import us.fatehi.utility.datasource.DatabaseConnectionSources;
import us.fatehi.utility.datasource.MultiUseUserCredentials;

/** SchemaCrawler finds a whole warehouse. Argument: host:port of a server of examples/c360. */
public final class JdbcCrawler {
  private static final List<String> TABLES =
      List.of(
          "app_usage_raw",
          "customers_raw",
          "loyalty_program_raw",
          "products_raw",
          "support_tickets_raw",
          "transaction_items_raw",
          "transactions_raw");

  private static final List<String> VIEWS =
      List.of(
          "customer_analytics_c360",
          "fct_customer_360_profile",
          "int_customer_transactions",
          "src_customers",
          "src_loyalty_program",
          "src_products",
          "src_transactions");

  // SchemaCrawler asks for the keys of tables only, not of views.
  private static final String[] KEYS = {
    "ALTER TABLE customers_raw ADD PRIMARY KEY (customer_id) NOT ENFORCED",
    "ALTER TABLE products_raw ADD PRIMARY KEY (product_id) NOT ENFORCED",
    "ALTER TABLE transactions_raw ADD PRIMARY KEY (transaction_id) NOT ENFORCED",
    "ALTER TABLE transactions_raw ADD CONSTRAINT of_customer "
        + "FOREIGN KEY (customer_id) REFERENCES customers_raw NOT ENFORCED",
    "ALTER TABLE transaction_items_raw ADD CONSTRAINT of_transaction "
        + "FOREIGN KEY (transaction_id) REFERENCES transactions_raw NOT ENFORCED",
    "ALTER TABLE transaction_items_raw ADD CONSTRAINT of_product "
        + "FOREIGN KEY (product_id) REFERENCES products_raw NOT ENFORCED",
    "COMMENT ON COLUMN customers_raw.email IS 'may be empty'",
  };

  public static void main(String[] arguments) throws Exception {
    // It logs each step, and the driver what it lacks.
    LogManager.getLogManager().reset();
    String url = "jdbc:arrow-flight-sql://" + arguments[0] + "/?useEncryption=false";
    declareKeys(url);
    SchemaCrawlerOptions options =
        SchemaCrawlerOptionsBuilder.newSchemaCrawlerOptions()
            .withLimitOptions(
                LimitOptionsBuilder.builder()
                    .includeSchemas(Pattern.compile("mica\\.\"?default\"?"))
                    .toOptions())
            .withLoadOptions(
                LoadOptionsBuilder.builder()
                    .withSchemaInfoLevel(SchemaInfoLevelBuilder.maximum())
                    .toOptions());
    try (DatabaseConnectionSource source =
        DatabaseConnectionSources.newDatabaseConnectionSource(url, new MultiUseUserCredentials())) {
      Catalog catalog = SchemaCrawlerUtility.getCatalog(source, options);
      expect("product", catalog.getDatabaseInfo().getProductName(), "Mica");
      expect("schemas", catalog.getSchemas().size(), 1);
      Schema schema = catalog.getSchemas().iterator().next();
      expect("catalog", schema.getCatalogName(), "mica");
      relations(catalog, schema);
      columns(catalog, schema);
      keys(catalog, schema);
    }
    System.out.println("ok");
  }

  private static void expect(String what, Object actual, Object expected) {
    if (!Objects.equals(actual, expected)) {
      throw new AssertionError(what + ": got " + actual + ", expected " + expected);
    }
  }

  private static void declareKeys(String url) throws SQLException {
    try (Connection connection = DriverManager.getConnection(url);
        Statement statement = connection.createStatement()) {
      for (String sql : KEYS) {
        statement.execute(sql);
      }
    }
  }

  private static Table table(Catalog catalog, Schema schema, String name) {
    return catalog.<Table>lookupTable(schema, name).orElseThrow(() -> new AssertionError(name));
  }

  private static List<String> names(Collection<? extends NamedObject> objects) {
    return objects.stream().map(NamedObject::getName).sorted().collect(Collectors.toList());
  }

  private static void relations(Catalog catalog, Schema schema) {
    List<Table> all = List.copyOf(catalog.getTables(schema));
    List<Table> views = all.stream().filter(t -> t.getTableType().isView()).toList();
    List<Table> tables = all.stream().filter(t -> !t.getTableType().isView()).toList();
    expect("tables", names(tables), TABLES);
    expect("views", names(views), VIEWS);
    for (Table table : all) {
      expect("columns of " + table, table.getColumns().isEmpty(), false);
    }
  }

  private static void columns(Catalog catalog, Schema schema) {
    List<String> described =
        table(catalog, schema, "customers_raw").getColumns().stream()
            .map(JdbcCrawler::describe)
            .collect(Collectors.toList());
    expect(
        "customers_raw",
        described,
        List.of(
            "customer_id VARCHAR",
            "first_name VARCHAR",
            "last_name VARCHAR",
            "email VARCHAR may be empty",
            "phone VARCHAR",
            "date_of_birth DATE",
            "gender VARCHAR",
            "city VARCHAR",
            "state VARCHAR",
            "country VARCHAR",
            "registration_date DATE",
            "customer_segment VARCHAR"));
    Table product = table(catalog, schema, "customer_analytics_c360");
    expect("columns of the data product", product.getColumns().size(), 42);
    for (Column column : product.getColumns()) {
      expect(column + " may be NULL", column.isNullable(), true);
    }
  }

  private static String describe(Column column) {
    String text = column.getName() + " " + column.getColumnDataType().getName();
    return column.hasRemarks() ? text + " " + column.getRemarks() : text;
  }

  private static void keys(Catalog catalog, Schema schema) {
    Table customers = table(catalog, schema, "customers_raw");
    expect("key", customers.getPrimaryKey().getName(), "customers_raw_pkey");
    expect("key", names(customers.getPrimaryKey().getConstrainedColumns()), List.of("customer_id"));
    expect("no key", table(catalog, schema, "app_usage_raw").hasPrimaryKey(), false);
    Table transactions = table(catalog, schema, "transactions_raw");
    Table items = table(catalog, schema, "transaction_items_raw");
    Table products = table(catalog, schema, "products_raw");
    expect("imported", names(transactions.getImportedForeignKeys()), List.of("of_customer"));
    expect("exported", names(transactions.getExportedForeignKeys()), List.of("of_transaction"));
    List<String> both = List.of("of_product", "of_transaction");
    expect("two", names(items.getImportedForeignKeys()), both);
    expect("referenced", names(products.getExportedForeignKeys()), List.of("of_product"));
    ForeignKey key = transactions.getImportedForeignKeys().iterator().next();
    ColumnReference reference = key.getColumnReferences().get(0);
    Column from = reference.getForeignKeyColumn();
    expect("from", from.getParent().getName(), "transactions_raw");
    expect("from", from.getName(), "customer_id");
    Column to = reference.getPrimaryKeyColumn();
    expect("to", to.getParent().getName(), "customers_raw");
    expect("to", to.getName(), "customer_id");
  }
}
