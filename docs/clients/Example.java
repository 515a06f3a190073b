import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;

/** Reads a data product of examples/c360. Argument: HOST:PORT of the server. */
public final class Example {
  private static final String QUERY =
      "SELECT customer_id, last_name, loyalty_tier, total_spent "
          + "FROM customer_analytics_c360 WHERE total_spent >= ? "
          + "ORDER BY total_spent DESC LIMIT 3";

  public static void main(String[] arguments) throws SQLException {
    String url = "jdbc:arrow-flight-sql://" + arguments[0] + "/?useEncryption=false";
    try (Connection connection = DriverManager.getConnection(url);
        PreparedStatement statement = connection.prepareStatement(QUERY)) {
      statement.setDouble(1, 500.0);
      try (ResultSet rows = statement.executeQuery()) {
        while (rows.next()) {
          String tier = rows.getString("loyalty_tier");
          double spent = rows.getDouble("total_spent");
          System.out.println(rows.getString(1) + " " + rows.getString(2) + " " + tier + " " + spent);
        }
      }
    }
  }
}
