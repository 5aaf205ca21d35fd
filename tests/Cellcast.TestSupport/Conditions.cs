using Xunit;

namespace Cellcast.TestSupport;

/// <summary>A test on real data: skipped, saying so, where a file is absent.</summary>
public sealed class SharedDataFactAttribute : FactAttribute
{
    /// <param name="files">Paths relative to the data folder.</param>
    public SharedDataFactAttribute(params string[] files) => Skip = Condition.MissingData(files);
}

/// <summary>A data-driven test on real data: skipped, saying so, where a file is absent.</summary>
public sealed class SharedDataTheoryAttribute : TheoryAttribute
{
    /// <param name="files">Paths relative to the data folder.</param>
    public SharedDataTheoryAttribute(params string[] files) => Skip = Condition.MissingData(files);
}

/// <summary>A test against another program (<c>anndata</c>, <c>h5diff</c>, <c>R</c>, <c>chromium</c>): skipped, saying so,
/// where that is not installed, except on the integration server.</summary>
public sealed class ToolFactAttribute : FactAttribute
{
    /// <param name="tool">Name of the program; see <see cref="ExternalTool"/>.</param>
    /// <param name="files">Real data that the test needs as well.</param>
    public ToolFactAttribute(string tool, params string[] files) => Skip = Condition.MissingTool(tool) ?? Condition.MissingData(files);
}

/// <summary>A data-driven test against another program; see <see cref="ToolFactAttribute"/>.</summary>
public sealed class ToolTheoryAttribute : TheoryAttribute
{
    /// <param name="tool">Name of the program; see <see cref="ExternalTool"/>.</param>
    /// <param name="files">Real data that the test needs as well.</param>
    public ToolTheoryAttribute(string tool, params string[] files) => Skip = Condition.MissingTool(tool) ?? Condition.MissingData(files);
}

/// <summary>A test of minutes, run by <c>./test --slow</c> only.</summary>
public sealed class SlowFactAttribute : FactAttribute
{
    /// <param name="files">Real data that the test needs as well.</param>
    public SlowFactAttribute(params string[] files) =>
        Skip = Environment.GetEnvironmentVariable("CELLCAST_SLOW") == "1" ? Condition.MissingData(files) : "slow: run ./test --slow";
}

internal static class Condition
{
    internal static string? MissingData(string[] files)
    {
        foreach (string f in files)
        {
            string path = TestPaths.SharedData(f);
            if (!File.Exists(path) && !Directory.Exists(path)) return $"real data '{f}' is not beside this checkout";
        }
        return null;
    }

    internal static string? MissingTool(string tool) =>
        TestPaths.IsContinuousIntegration || ExternalTool.IsPresent(tool) ? null : $"'{tool}' is not installed here";
}
