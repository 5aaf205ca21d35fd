namespace Cellcast.TestSupport;

/// <summary>Where the tests find the repository, its fixtures and, if present, the real data beside it.</summary>
public static class TestPaths
{
    /// <summary>The folder that holds <c>Cellcast.slnx</c>.</summary>
    public static string Root { get; } = FindRoot();

    /// <summary>A file of <c>tests/fixtures</c>.</summary>
    public static string Fixture(params string[] parts) => Path.Combine([Root, "tests", "fixtures", .. parts]);

    /// <summary>A file of the real data, which is never part of the project; may be absent.</summary>
    public static string SharedData(params string[] parts) => Path.Combine([SharedRoot, "data", .. parts]);

    /// <summary>The folder beside the repository that holds real data; may be absent.</summary>
    public static string SharedRoot => Environment.GetEnvironmentVariable("CELLCAST_SHARED") ?? Path.GetFullPath(Path.Combine(Root, "..", "shared"));

    /// <summary>The built command line of the same configuration as the running tests.</summary>
    public static string CommandLine => Path.Combine(AppContext.BaseDirectory, "cellcast.dll");

    /// <summary>True on the integration server, where nothing that can be installed may be skipped.</summary>
    public static bool IsContinuousIntegration => Environment.GetEnvironmentVariable("CI") == "true";

    private static string FindRoot()
    {
        for (var d = new DirectoryInfo(AppContext.BaseDirectory); d is not null; d = d.Parent)
            if (File.Exists(Path.Combine(d.FullName, "Cellcast.slnx"))) return d.FullName;
        throw new DirectoryNotFoundException("Cellcast.slnx is in no folder above " + AppContext.BaseDirectory);
    }
}
