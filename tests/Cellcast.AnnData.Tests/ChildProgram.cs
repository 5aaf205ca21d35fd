using Cellcast.AnnData.H5ad;
using Cellcast.TestSupport;

namespace Cellcast.AnnData.Tests;

/// <summary>What a test does in a process of its own, where the environment differs: <c>read FILE</c>, <c>write FILE ROWS</c>. Errors for users end with code 3 or 5.</summary>
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
