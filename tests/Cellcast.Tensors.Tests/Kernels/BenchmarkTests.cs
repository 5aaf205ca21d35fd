using System.Text.Json;
using Cellcast.Tensors.Benchmarks;

namespace Cellcast.Tensors.Tests.Kernels;

public class BenchmarkTests
{
    [Fact]
    public void A_report_has_ceilings_and_rates_for_people_and_for_machines()
    {
        KernelReport report = KernelBenchmarks.Run([1], 0.001, c => c.Name.StartsWith("odd", StringComparison.Ordinal) || c.Name.StartsWith("softmax", StringComparison.Ordinal));
        Assert.True(report.Ceilings.Single().GigaflopsPerSecond > 0 && report.Ceilings.Single().CopyGigabytesPerSecond > 0);
        KernelResult product = report.Kernels.Single(k => k.Group == "gemm");
        Assert.Equal(2.0 * 777 * 333 * 1001 / product.Seconds / 1e9, product.GigaflopsPerSecond!.Value, 1e-6);
        Assert.True(product.Turns >= 5 && product.ShareOfCeiling > 0 && product.ShareOfCeiling <= product.BestShareOfCeiling && product.Seconds <= product.MedianSeconds);
        Assert.Equal((0.85, product.ShareOfCeiling >= 0.85), (product.Goal, product.MeetsGoal));
        Assert.All(report.Kernels.Where(k => k.Group == "rows"), k => Assert.Null(k.MeetsGoal));
        Assert.Matches($"goal of 85 ?% of the ceiling on 1 thread: met by {(product.MeetsGoal == true ? 1 : 0)} of 1", report.ToTable());
        Assert.Contains(product.Name, report.ToTable(), StringComparison.Ordinal);
        JsonElement json = JsonDocument.Parse(report.ToJson()).RootElement;
        Assert.Equal(product.GigaflopsPerSecond.Value, json.GetProperty("kernels")[0].GetProperty("gigaflops_per_second").GetDouble());
    }

    [Fact]
    public void Names_of_cases_are_unique() => Assert.Equal(KernelCases.All.Count(), KernelCases.All.Select(c => c.Name).Distinct().Count());
}
