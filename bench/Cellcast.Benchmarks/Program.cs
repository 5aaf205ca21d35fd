using BenchmarkDotNet.Running;
using Cellcast.Benchmarks;
using Cellcast.Tensors.Benchmarks;

// kernels [SECONDS] [TEXT]   ceilings of this machine and every kernel whose name contains TEXT, as a table; --json for machines
// anything else              BenchmarkDotNet's own options, e.g. --filter *Gemm* --list flat
if (args.Length > 0 && args[0] == "kernels")
{
    bool json = args.Contains("--json");
    string[] rest = args.Skip(1).Where(a => a != "--json").ToArray();
    double seconds = rest.Length > 0 && double.TryParse(rest[0], out double s) ? s : 0.5;
    string text = rest.Length > 1 ? rest[1] : "";
    int[] threads = Environment.ProcessorCount > 1 ? [1, Environment.ProcessorCount] : [1];
    KernelReport report = KernelBenchmarks.Run(threads, seconds, c => c.Name.Contains(text, StringComparison.OrdinalIgnoreCase) || c.Group == text);
    Console.WriteLine(json ? report.ToJson() : report.ToTable());
    return 0;
}
BenchmarkSwitcher.FromAssembly(typeof(KernelSuite).Assembly).Run(args, new InstructionSetConfig());
return 0;
