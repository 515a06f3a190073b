import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.Objects;
import java.util.Properties;
import java.util.logging.LogManager;

/**
 * Logging in, properties of connections, schemas and definitions. Arguments: host:port of a server
 * with a login, its user and its password.
 */
public final class JdbcSession {
  private static String url;
  private static final Properties LOGIN = new Properties();

  public static void main(String[] arguments) throws SQLException {
    // The driver logs a trace of every refused login.
    LogManager.getLogManager().reset();
    url = "jdbc:arrow-flight-sql://" + arguments[0] + "/?useEncryption=false";
    LOGIN.setProperty("user", arguments[1]);
    LOGIN.setProperty("password", arguments[2]);
    logins(arguments[1], arguments[2]);
    properties();
    try (Connection connection = connect("")) {
      definitions(connection);
      schemas(connection);
      transactions(connection);
    }
    System.out.println("ok");
  }

  private static Connection connect(String properties) throws SQLException {
    return DriverManager.getConnection(url + properties, LOGIN);
  }

  private static void expect(String what, Object actual, Object expected) {
    if (!Objects.equals(actual, expected)) {
      throw new AssertionError(what + ": got " + actual + ", expected " + expected);
    }
  }

  /** A call that must fail. */
  private interface Call {
    void run() throws SQLException;
  }

  private static void refused(Call call, String... messages) {
    try {
      call.run();
    } catch (SQLException error) {
      for (String message : messages) {
        expect(error.getMessage(), error.getMessage().contains(message), true);
      }
      return;
    }
    throw new AssertionError("no error: " + String.join(", ", messages));
  }

  private static String value(Connection connection, String sql) throws SQLException {
    try (Statement statement = connection.createStatement();
        ResultSet rows = statement.executeQuery(sql)) {
      expect("a row of " + sql, rows.next(), true);
      String value = rows.getString(1);
      expect("one row of " + sql, rows.next(), false);
      return value;
    }
  }

  private static void logins(String user, String password) throws SQLException {
    for (String[] wrong : new String[][] {{user, password + "x"}, {user, ""}, {"x", password}}) {
      refused(() -> DriverManager.getConnection(url, wrong[0], wrong[1]), "wrong user or password");
    }
    String needed = "a user and a password are needed";
    refused(() -> DriverManager.getConnection(url + "&token=wrong"), needed);
    // Without a user the driver connects without asking; the first statement is refused.
    try (Connection connection = DriverManager.getConnection(url)) {
      refused(() -> value(connection, "SELECT 1"), needed);
    }
    try (Connection connection = DriverManager.getConnection(url, user, password)) {
      expect("logged in", value(connection, "SELECT 1"), "1");
      expect("user", connection.getMetaData().getUserName(), user);
      expect("valid", connection.isValid(5), true);
    }
  }

  private static void properties() throws SQLException {
    try (Connection connection = connect("&ApplicationName=a%20b&foo=bar&X-Custom=1&fetch=")) {
      expect("unknown properties", value(connection, "SELECT 1"), "1");
    }
    try (Connection connection = connect("")) {
      connection.setCatalog("mica");
      expect("catalog", connection.getCatalog(), "mica");
      expect("same catalog", value(connection, "SELECT current_catalog"), "mica");
    }
    Connection connection = connect("&catalog=mica");
    expect("catalog", value(connection, "SELECT current_catalog"), "mica");
    try {
      connection.close();
    } catch (SQLException error) {
      // Driver: closes the session a second time, over the channel that it has closed.
      expect("closing", error.getMessage(), "Channel shutdown invoked");
    }
    refused(() -> connect("&catalog=nope"), "Cannot set session option for catalog");
  }

  private static void definitions(Connection connection) throws SQLException {
    try (Statement statement = connection.createStatement()) {
      expect("rows", statement.execute("DROP SCHEMA IF EXISTS jdbc_session CASCADE"), false);
      expect("count", statement.executeUpdate("CREATE SCHEMA jdbc_session"), 0);
      expect("rows", statement.execute("CREATE VIEW jdbc_session.v AS SELECT 1 AS x"), false);
      expect("count", statement.getUpdateCount(), 0);
      expect("result", statement.getResultSet(), null);
      expect("more", statement.getMoreResults(), false);
      expect("no count", statement.getUpdateCount(), -1);
      String replace = "CREATE OR REPLACE VIEW jdbc_session.v AS SELECT 2 AS x";
      expect("count", statement.executeLargeUpdate(replace), 0L);
      expect("rows", statement.execute("SELECT x FROM jdbc_session.v"), true);
      expect("no count", statement.getUpdateCount(), -1);
      try (ResultSet rows = statement.getResultSet()) {
        expect("a row", rows.next(), true);
        expect("replaced", rows.getInt("x"), 2);
      }
    }
    String sql = "CREATE OR REPLACE VIEW jdbc_session.v AS SELECT 3 AS x";
    try (PreparedStatement statement = connection.prepareStatement(sql)) {
      expect("count", statement.executeUpdate(), 0);
    }
    expect("prepared", value(connection, "SELECT x FROM jdbc_session.v"), "3");
    try (PreparedStatement statement = connection.prepareStatement("SELECT 1")) {
      refused(statement::executeUpdate, "the statement gives rows");
    }
    try (Connection other = connect("")) {
      expect("seen by others", value(other, "SELECT x FROM jdbc_session.v"), "3");
    }
  }

  private static void schemas(Connection connection) throws SQLException {
    expect("schema", value(connection, "SELECT current_schema()"), "default");
    // Driver: keeps it to itself.
    connection.setSchema("jdbc_session");
    expect("schema", value(connection, "SELECT current_schema()"), "default");
    try (Statement statement = connection.createStatement()) {
      statement.execute("USE jdbc_session");
      expect("used", value(connection, "SELECT x FROM v"), "3");
      statement.execute("CREATE TEMPORARY VIEW mine AS SELECT 'mine' AS x");
      expect("temporary", value(connection, "SELECT x FROM mine"), "mine");
      try (Connection other = connect("")) {
        expect("other schema", value(other, "SELECT current_schema()"), "default");
        refused(() -> value(other, "SELECT x FROM mine"), "'default.mine' does not exist");
      }
      refused(() -> statement.execute("USE nope"), "schema 'nope' does not exist");
      expect("still used", value(connection, "SELECT current_schema()"), "jdbc_session");
      statement.execute("USE default");
    }
    // Any property that the driver does not know becomes a header.
    try (Connection other = connect("&schema=jdbc_session")) {
      expect("by property", value(other, "SELECT x FROM v"), "3");
    }
  }

  /** There are none; the driver makes do without telling the server. */
  private static void transactions(Connection connection) throws SQLException {
    expect("isolation", connection.getTransactionIsolation(), Connection.TRANSACTION_NONE);
    connection.setAutoCommit(false);
    expect("in none", value(connection, "SELECT 1"), "1");
    connection.commit();
    connection.rollback();
    connection.setAutoCommit(true);
    try (Statement statement = connection.createStatement()) {
      statement.execute("DROP SCHEMA jdbc_session CASCADE");
      refused(() -> statement.execute("DROP SCHEMA jdbc_session"), "'jdbc_session' does not exist");
    }
  }
}
