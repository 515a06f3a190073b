import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.concurrent.atomic.AtomicBoolean;

/** Running statements: their text, errors, many of them, cancelling. Argument: host:port. */
public final class JdbcStatements {
  private static final String LONG =
      "SELECT count(*) FROM range(10000000) a CROSS JOIN range(10000000) b "
          + "WHERE a.value * b.value = 7";

  public static void main(String[] arguments) {
    // Threads of the driver can outlive a connection whose statement was cancelled: leave by exit.
    try {
      run(arguments);
    } catch (Throwable problem) {
      if (!leakedByTheDriver(problem)) {
        problem.printStackTrace();
        System.exit(1);
      }
    }
    System.out.println("ok");
    System.exit(0);
  }

  /** Closing after a cancel, the driver sometimes finds a buffer of its own that it did not free. */
  private static boolean leakedByTheDriver(Throwable problem) {
    Throwable cause = problem.getCause();
    return problem instanceof SQLException
        && cause instanceof IllegalStateException
        && String.valueOf(cause.getMessage()).startsWith("Memory was leaked by query");
  }

  private static void run(String[] arguments) throws Exception {
    String url = "jdbc:arrow-flight-sql://" + arguments[0] + "/?useEncryption=false";
    try (Connection connection = DriverManager.getConnection(url);
        Statement statement = connection.createStatement()) {
      statement.execute("CREATE OR REPLACE VIEW jdbc_statements AS SELECT 3 AS x");
      texts(connection);
      errors(connection);
      noRows(connection);
      many(connection);
      cancelling(connection);
      timeouts(connection);
      statement.execute("DROP VIEW jdbc_statements");
    }
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

  private static void texts(Connection connection) throws SQLException {
    String comments = "-- first; 'it\n/* second; ? \" */ SELECT /* ? */ 4 -- last ; ?";
    for (String sql : List.of("SELECT 4;", "SELECT 4 ; ;\n", " \n\tSELECT\r\n4", comments)) {
      expect(sql, value(connection, sql), "4");
    }
    try (Statement statement = connection.createStatement()) {
      for (String nothing : List.of("", ";", "-- nothing")) {
        refused(() -> statement.execute(nothing), "the text holds no statement");
      }
      refused(() -> statement.execute("SELECT 1; SELECT 2"), "expected one statement, found 2");
    }
    String escapes = "SELECT {fn CONCAT({fn LCASE('A')}, 'b')} WHERE {d '2024-02-29'} < {fn NOW()}";
    expect("escapes", value(connection, escapes), "ab");
  }

  private static void errors(Connection connection) throws SQLException {
    String[][] errors = {
      {"SELECT * FROM nope", "relation 'default.nope' does not exist (at line 1, column 15)"},
      {"SELECT nope FROM jdbc_statements", "No field named nope", "jdbc_statements.x"},
      {"SELEC 1", "syntax error at line 1, column 1", "'SELEC'"},
      {"SELECT 10 / (value - 5) FROM range(10)", "Divide by zero"},
      {"SELECT CAST('x' AS INTEGER)", "Cannot cast string 'x'"},
      {"CREATE VIEW jdbc_statements AS SELECT 1", "already exists"},
      {"DROP VIEW nope", "relation 'default.nope' does not exist"},
    };
    for (String[] error : errors) {
      try (Statement statement = connection.createStatement()) {
        refused(() -> statement.execute(error[0]), error);
        expect("after " + error[0], value(connection, "SELECT 1"), "1");
      }
    }
    // Driver: what Mica says of a statement that cannot be prepared is in the cause only.
    try {
      connection.prepareStatement("SELECT * FROM nope");
      throw new AssertionError("prepared");
    } catch (SQLException error) {
      String cause = error.getCause().getMessage();
      expect(cause, cause.contains("relation 'default.nope' does not exist"), true);
    }
  }

  private static void noRows(Connection connection) throws SQLException {
    try (Statement statement = connection.createStatement()) {
      for (String sql : List.of("SELECT 1 LIMIT 0", "SELECT x FROM jdbc_statements WHERE x > 9")) {
        try (ResultSet rows = statement.executeQuery(sql)) {
          expect("rows of " + sql, rows.next(), false);
        }
      }
    }
  }

  private static void many(Connection connection) throws SQLException {
    for (int i = 0; i < 200; i++) {
      expect("statement " + i, value(connection, "SELECT " + i), String.valueOf(i));
    }
    List<Statement> statements = new ArrayList<>();
    List<ResultSet> results = new ArrayList<>();
    for (int i = 0; i < 20; i++) {
      Statement statement = connection.createStatement();
      statements.add(statement);
      results.add(statement.executeQuery("SELECT value FROM range(20000)"));
    }
    for (ResultSet rows : results) {
      long sum = 0;
      while (rows.next()) {
        sum += rows.getLong(1);
      }
      expect("sum", sum, 199_990_000L);
    }
    for (Statement statement : statements) {
      statement.close();
    }
    try (Statement statement = connection.createStatement()) {
      statement.setMaxRows(3);
      try (ResultSet rows = statement.executeQuery("SELECT value FROM range(20000)")) {
        int count = 0;
        while (rows.next()) {
          count++;
        }
        expect("most rows", count, 3);
      }
    }
  }

  /** Waits until no long query runs. */
  private static void idle(Connection connection) throws Exception {
    for (int i = 0; i < 50; i++) {
      try (Statement statement = connection.createStatement();
          ResultSet rows = statement.executeQuery("SHOW QUERIES")) {
        boolean busy = false;
        while (rows.next()) {
          busy |= rows.getString("statement").contains("CROSS JOIN");
        }
        if (!busy) {
          return;
        }
      }
      Thread.sleep(100);
    }
    throw new AssertionError("a cancelled query still runs");
  }

  private static void cancelling(Connection connection) throws Exception {
    String rows = "SELECT a.value FROM range(10000000) a CROSS JOIN range(10000000) b";
    for (String sql : List.of(LONG, rows)) {
      try (Statement statement = connection.createStatement()) {
        AtomicBoolean ended = new AtomicBoolean();
        Thread canceller = new Thread(() -> cancel(statement, ended));
        canceller.start();
        long start = System.nanoTime();
        try (ResultSet result = statement.executeQuery(sql)) {
          while (result.next()) {}
          throw new AssertionError("the query ended by itself");
        } catch (SQLException | RuntimeException error) {
          // The driver throws either, depending on where it is.
          String message = error.getMessage().toLowerCase();
          expect(message, message.contains("cancel"), true);
        } finally {
          ended.set(true);
        }
        double seconds = (System.nanoTime() - start) / 1e9;
        expect("soon: " + seconds, seconds < 5, true);
        canceller.join();
      }
      idle(connection);
      expect("after cancelling", value(connection, "SELECT 1"), "1");
    }
  }

  /** Again and again: the driver forgets a request that comes before it waits for rows. */
  private static void cancel(Statement statement, AtomicBoolean ended) {
    while (!ended.get()) {
      try {
        Thread.sleep(500);
        statement.cancel();
      } catch (InterruptedException | SQLException error) {
        expect("cancelled", ended.get(), true);
      }
    }
  }

  private static void timeouts(Connection connection) throws Exception {
    try (Statement statement = connection.createStatement()) {
      statement.setQueryTimeout(1);
      refused(() -> statement.executeQuery(LONG), "Query timed out after 1 SECONDS");
    }
    idle(connection);
    expect("after a timeout", value(connection, "SELECT 1"), "1");
  }
}
