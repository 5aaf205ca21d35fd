using Cellcast.AnnData.H5ad;
using Cellcast.TestSupport;

namespace Cellcast.AnnData.Tests;

/// <summary>What a test does in a process of its own, where the environment differs: <c>read FILE</c>, <c>write FILE ROWS</c>, <c>stream FILE</c>, <c>pass FILE</c>. Errors for users end with code 3 or 5.</summary>
public static class ChildProgram
{
    public static int Main(string[] arguments)
    {
        try
        {
            switch (arguments)
            {
                case ["read", var path]:
                    Console.WriteLine(H5adFile.Read(path));
                    return 0;
                case ["write", var path, var rows]:
                    H5adFile.Write(path, SampleData.Random(int.Parse(rows), 300, seed: 5));
                    return 0;
                case ["stream", var path]:
                    // Far enough for chunks to be in the file, then for ever in the middle.
                    var endless = new GeneratedMatrix(1_000_000, 1000, (first, count, block) =>
                    {
                        int[] columns = [.. Enumerable.Range(0, 1000)];
                        for (int r = 0; r < count; r++) block.Append(columns, Array.ConvertAll(columns, c => (float)c));
                        if (first < 40_000) return;
                        Console.WriteLine("in the middle");
                        Thread.Sleep(Timeout.Infinite);
                    });
                    H5adFile.Write(path, new AnnotatedData(new DataFrame(SampleData.Names("c", 1_000_000)), new DataFrame(SampleData.Names("g", 1000)), endless));
                    return 0;
                case ["pass", var path]:
                    Console.WriteLine(FormattableString.Invariant($"{Pass(path, out long allocated)} {allocated}"));
                    return 0;
                default:
                    return 2;
            }
        }
        catch (InputException e)
        {
            Console.Error.WriteLine(e.Message);
            return 3;
        }
        catch (OutputException e)
        {
            Console.Error.WriteLine(e.Message);
            // The library must still serve after a failed write.
            if (arguments is [_, var path, _] && File.Exists(path)) Console.WriteLine(H5adFile.Read(path));
            return 5;
        }
    }

    /// <summary>Goes through the rows of a file again and again on one thread.</summary>
    /// <returns>Bytes of rows that pass each time.</returns>
    private static long Pass(string path, out long allocated)
    {
        using var m = (StoredMatrix)H5adFile.Read(path, new H5adReadOptions { Stream = true, Threads = 1 }).X!;
        var block = new RowBlock();
        allocated = long.MaxValue;
        long passed = 0;
        // The first time takes what is used again; the runtime's own background work may fall into any one.
        for (int attempt = 0; attempt < 4; attempt++)
        {
            long before = GC.GetTotalAllocatedBytes(precise: true);
            passed = 0;
            for (int first = 0; first < m.Rows; first += 500)
            {
                m.ReadRows(first, 500, block);
                passed += 8L * block.StoredCount;
            }
            allocated = Math.Min(allocated, GC.GetTotalAllocatedBytes(precise: true) - before);
        }
        return passed;
    }

    internal static string Assembly => typeof(ChildProgram).Assembly.Location;

    internal static ProcessResult Run(IReadOnlyDictionary<string, string> environment, params string[] arguments) =>
        ExternalTool.Run("dotnet", [Assembly, .. arguments], environment);
}
