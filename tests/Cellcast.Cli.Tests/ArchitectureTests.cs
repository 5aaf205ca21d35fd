using System.Reflection;
using System.Xml.Linq;
using Cellcast.TestSupport;

namespace Cellcast.Cli.Tests;

/// <summary>Doors between the rooms open one way.</summary>
public class ArchitectureTests
{
    /// <summary>Which rooms each room may know. The living copy of ARCHITECTURE.md's table.</summary>
    private static readonly Dictionary<string, string[]> s_doors = new()
    {
        ["Cellcast.Tensors"] = [],
        ["Cellcast.Survival"] = [],
        ["Cellcast.AnnData"] = [],
        ["Cellcast.Analysis"] = ["Cellcast.AnnData", "Cellcast.Tensors", "Cellcast.Survival"],
        ["Cellcast.Models"] = ["Cellcast.AnnData", "Cellcast.Tensors", "Cellcast.Survival", "Cellcast.Analysis"],
        ["Cellcast.Reports"] = [],
        ["Cellcast.Cli"] = ["Cellcast.AnnData", "Cellcast.Tensors", "Cellcast.Survival", "Cellcast.Analysis", "Cellcast.Models", "Cellcast.Reports"],
    };

    /// <summary>Packages that a room may use; everything else needs a decision.</summary>
    private static readonly Dictionary<string, string[]> s_packages = new()
    {
        ["Cellcast.Tensors"] = ["System.Numerics.Tensors"],
        ["Cellcast.Survival"] = ["MathNet.Numerics"],
        ["Cellcast.AnnData"] = ["CsvHelper"],
        ["Cellcast.Analysis"] = ["MathNet.Numerics"],
        ["Cellcast.Models"] = [],
        ["Cellcast.Reports"] = [],
        ["Cellcast.Cli"] = ["System.CommandLine", "Spectre.Console"],
    };

    public static TheoryData<string> Rooms() => [.. Directory.GetDirectories(Path.Combine(TestPaths.Root, "src"), "Cellcast.*").Select(d => Path.GetFileName(d)!).Order()];

    [Theory]
    [MemberData(nameof(Rooms))]
    public void A_project_references_only_rooms_and_packages_that_it_may_know(string room)
    {
        Assert.True(s_doors.ContainsKey(room), $"{room} is new: decide here and in ARCHITECTURE.md which rooms it may know");
        var project = XDocument.Load(Path.Combine(TestPaths.Root, "src", room, room + ".csproj"));
        var references = project.Descendants("ProjectReference").Select(r => Path.GetFileNameWithoutExtension(r.Attribute("Include")!.Value.Replace('\\', '/')));
        Assert.Empty(references.Except(s_doors[room]));
        var packages = project.Descendants("PackageReference").Select(r => r.Attribute("Include")!.Value);
        Assert.Empty(packages.Except(s_packages[room]));
    }

    [Theory]
    [MemberData(nameof(Rooms))]
    public void A_compiled_room_uses_only_rooms_that_it_may_know(string room)
    {
        // Transitive project references let code compile against rooms that its own project never named.
        var assembly = Assembly.Load(room == "Cellcast.Cli" ? "cellcast" : room);
        var used = assembly.GetReferencedAssemblies().Select(a => a.Name!).Where(n => n.StartsWith("Cellcast.", StringComparison.Ordinal));
        Assert.Empty(used.Except(s_doors[room]));
    }

    [Fact]
    public void No_room_makes_another_room_its_friend()
    {
        foreach (string room in s_doors.Keys)
        {
            var assembly = Assembly.Load(room == "Cellcast.Cli" ? "cellcast" : room);
            var friends = assembly.GetCustomAttributes<System.Runtime.CompilerServices.InternalsVisibleToAttribute>().Select(a => a.AssemblyName.Split(',')[0]);
            Assert.Empty(friends.Intersect(s_doors.Keys.Append("cellcast")));
        }
    }
}
