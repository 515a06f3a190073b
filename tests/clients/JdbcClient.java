import java.sql.Connection;
import java.sql.DatabaseMetaData;
import java.sql.DriverManager;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;

/** Mica through the Arrow Flight SQL JDBC driver. Argument: host:port of a server of examples/c360. */
public final class JdbcClient {
  public static void main(String[] arguments) throws SQLException {
    String url = "jdbc:arrow-flight-sql://" + arguments[0] + "/?useEncryption=false";
    try (Connection connection = DriverManager.getConnection(url)) {
      query(connection);
      prepared(connection);
      metadata(connection.getMetaData());
      definitions(connection);
    }
    System.out.println("ok");
  }

  private static void expect(Object actual, Object expected) {
    if (!Objects.equals(actual, expected)) {
      throw new AssertionError("got " + actual + ", expected " + expected);
    }
  }

  private static void query(Connection connection) throws SQLException {
    String sql =
        "SELECT customer_id, last_name, loyalty_tier, total_spent, customer_health_score "
            + "FROM customer_analytics_c360 "
            + "ORDER BY customer_health_score DESC, customer_id LIMIT 1";
    try (Statement statement = connection.createStatement();
        ResultSet rows = statement.executeQuery(sql)) {
      expect(rows.getMetaData().getColumnName(1), "customer_id");
      expect(rows.next(), true);
      expect(rows.getString(1), "CUST009");
      expect(rows.getString("last_name"), "Anderson");
      expect(rows.getString(3), "Platinum");
      expect(Math.round(rows.getDouble(4) * 100), 101998L);
      expect(rows.getBigDecimal(5).setScale(2, java.math.RoundingMode.HALF_UP).toString(), "2.67");
      expect(rows.next(), false);
    }
  }

  private static void prepared(Connection connection) throws SQLException {
    String sql = "SELECT count(*) FROM customer_analytics_c360 WHERE loyalty_tier = ?";
    try (PreparedStatement statement = connection.prepareStatement(sql)) {
      for (String[] tier : new String[][] {{"Platinum", "true"}, {"no such tier", "false"}}) {
        statement.setString(1, tier[0]);
        try (ResultSet rows = statement.executeQuery()) {
          expect(rows.next(), true);
          expect(rows.getLong(1) > 0, Boolean.valueOf(tier[1]));
        }
      }
    }
  }

  private static void metadata(DatabaseMetaData metadata) throws SQLException {
    expect(metadata.getDatabaseProductName(), "Mica");
    expect(names(metadata.getSchemas(), "TABLE_SCHEM").contains("default"), true);
    String[] views = {"VIEW"};
    List<String> tables =
        names(metadata.getTables(null, "default", "customer_analytics%", views), "TABLE_NAME");
    expect(tables, List.of("customer_analytics_c360"));
    List<String> columns =
        names(metadata.getColumns(null, null, "customer_analytics_c360", "total_spe%"), "COLUMN_NAME");
    expect(columns, List.of("total_spent"));
    expect(names(metadata.getTableTypes(), "TABLE_TYPE").contains("VIEW"), true);
    expect(names(metadata.getPrimaryKeys(null, null, "customers_raw"), "COLUMN_NAME"), List.of());
    expect(metadata.getIdentifierQuoteString(), "\"");
    expect(metadata.getSQLKeywords() != null, true);
  }

  private static List<String> names(ResultSet rows, String column) throws SQLException {
    List<String> names = new ArrayList<>();
    try (rows) {
      while (rows.next()) {
        names.add(rows.getString(column));
      }
    }
    return names;
  }

  private static void definitions(Connection connection) throws SQLException {
    try (Statement statement = connection.createStatement()) {
      statement.execute("CREATE VIEW jdbc_probe AS SELECT 7 AS seven");
      try (ResultSet rows = statement.executeQuery("SELECT seven FROM jdbc_probe")) {
        expect(rows.next(), true);
        expect(rows.getInt(1), 7);
      }
      statement.executeUpdate("DROP VIEW jdbc_probe");
      try {
        statement.executeQuery("SELECT * FROM jdbc_probe");
        throw new AssertionError("the view is still there");
      } catch (SQLException error) {
        expect(error.getMessage().contains("does not exist"), true);
      }
    }
  }
}
