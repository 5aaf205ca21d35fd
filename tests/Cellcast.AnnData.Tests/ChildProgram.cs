using Cellcast.AnnData.H5ad;
using Cellcast.TestSupport;

namespace Cellcast.AnnData.Tests;

/// <summary>What a test does in a process of its own, where the environment differs: <c>read FILE</c>, <c>write FILE ROWS</c>, <c>stream FILE</c>. Errors for users end with code 3 or 5.</summary>
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

    internal static string Assembly => typeof(ChildProgram).Assembly.Location;

    internal static ProcessResult Run(IReadOnlyDictionary<string, string> environment, params string[] arguments) =>
        ExternalTool.Run("dotnet", [Assembly, .. arguments], environment);
}
