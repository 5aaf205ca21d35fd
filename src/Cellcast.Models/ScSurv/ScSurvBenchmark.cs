using System.Diagnostics;
using Cellcast.AnnData;
using Cellcast.Models.Training;
using Cellcast.Tensors;
using Cellcast.Tensors.Benchmarks;
using Cellcast.Tensors.Kernels;
using Cellcast.Tensors.Random;

namespace Cellcast.Models.ScSurv;

/// <summary>Wall time of one epoch of a stage, validation included.</summary>
/// <param name="Stage">Name of the stage.</param>
/// <param name="Steps">Optimiser steps in it.</param>
/// <param name="Seconds">The fastest of the epochs that were timed.</param>
/// <param name="MedianSeconds">The middle one.</param>
/// <param name="MachineSpeed">Multiply-adds per second that the machine gave just before these epochs (median) over the most that it gave at any time of the run: below 1, something else slowed it
/// down.</param>
/// <param name="HandOverNanoseconds">Time that a cache line took from core to core just before these epochs, median; 0 on one thread. See <see cref="CeilingProbe.HandOver"/>.</param>
/// <param name="GoalSeconds">What an epoch is meant to take on two cores with AVX-512, or null.</param>
public sealed record EpochTiming(string Stage, int Steps, double Seconds, double MedianSeconds, double MachineSpeed, double HandOverNanoseconds, double? GoalSeconds)
{
    /// <summary>Whether the median reaches the goal; null where there is none.</summary>
    public bool? MeetsGoal => GoalSeconds is { } goal ? MedianSeconds <= goal : null;
}

/// <summary>What an epoch of each stage of scSurv costs on this machine, on random counts of a stated size.</summary>
public static class ScSurvBenchmark
{
    private const int Cells = 10_000, Genes = 5_000, Patients = 400;

    private static readonly Dictionary<string, double> s_goals = new() { ["cells"] = 0.15, ["bulk"] = 0.25, ["hazard"] = 0.02 };

    /// <summary>Times each stage after one epoch that warms up: an epoch of each, then the next of each, so that a slow moment of the machine meets all of them.</summary>
    /// <param name="device">Computes.</param>
    /// <param name="cells">Cells of the reference.</param>
    /// <param name="genes">Genes.</param>
    /// <param name="patients">Patients of the cohort.</param>
    /// <param name="density">Share of counts that are not zero.</param>
    /// <param name="epochs">Epochs timed per stage.</param>
    /// <param name="cancellation">Ends the run between two steps.</param>
    public static IReadOnlyList<EpochTiming> Run(Device device, int cells = Cells, int genes = Genes, int patients = Patients, double density = 0.19, int epochs = 9, CancellationToken cancellation = default)
    {
        ScSurvData data = RandomData(cells, genes, patients, density);
        ScSurvOptions options = new();
        RandomKey key = RandomKey.From(0, "scsurv benchmark");
        int[] fitted = [.. Enumerable.Range(0, patients)];
        var module = new ScSurvModule(new ScSurvSizes(genes, data.Cells.SampleColumns, patients, 0, options.Latent, options.Hidden, options.Blocks), key);
        var stages = new ScSurvStages(module, data, options, device, key);
        StagePlan first = stages.Cells();
        var probe = new CeilingProbe(device is CpuDevice cpu ? cpu.Workers : Workers.Inline);
        Timed[] timed = [new(first, s_goals["cells"])];
        // The other stages look at what the encoder gives after its first epoch.
        timed[0].Epoch(module, device, 0, cancellation);
        Posterior posterior = Posterior.Encode(device, module, data.Cells);
        timed = [.. timed,
            new(stages.Mixture("bulk", module.Bulk, module.BulkGenes, module.BulkParameters, data.Patients, posterior, options.Bulk), s_goals["bulk"]),
            new(stages.Hazard(posterior, [.. fitted.Where(i => data.Splits[i] == Split.Train)], [.. fitted.Where(i => data.Splits[i] == Split.Validation)]), s_goals["hazard"])];
        foreach (Timed t in timed.Skip(1)) t.Epoch(module, device, 0, cancellation);
        for (int epoch = 1; epoch <= epochs; epoch++)
            foreach (Timed t in timed)
            {
                // First what wakes the threads up.
                t.HandOvers.Add(probe.HandOver());
                t.Speeds.Add(probe.Flops());
                t.Seconds.Add(t.Epoch(module, device, epoch, cancellation));
            }
        double fastest = timed.Max(t => t.Speeds.Max());
        bool stated = (cells, genes, patients) == (Cells, Genes, Patients);
        return [.. timed.Select(t => new EpochTiming(t.Plan.Name, t.Plan.StepsPerEpoch, t.Seconds.Min(), Median(t.Seconds), Median(t.Speeds) / fastest, Median(t.HandOvers) * 1e9, stated ? t.Goal : null))];
    }

    private static double Median(List<double> values) => values.Order().ElementAt(values.Count / 2);

    /// <summary>A stage and what its epochs took.</summary>
    private sealed class Timed(StagePlan plan, double goal)
    {
        internal StagePlan Plan => plan;
        internal double Goal => goal;
        internal List<double> Seconds { get; } = [];
        internal List<double> Speeds { get; } = [];
        internal List<double> HandOvers { get; } = [];

        /// <summary>One epoch with its validation; seconds.</summary>
        internal double Epoch(ScSurvModule module, Device device, int epoch, CancellationToken cancellation)
        {
            // Stages take turns here, and each trains its own parameters only.
            module.Freeze();
            foreach (Parameter p in plan.Parameters) p.Frozen = false;
            var clock = Stopwatch.StartNew();
            for (int step = 0; step < plan.StepsPerEpoch; step++)
            {
                cancellation.ThrowIfCancellationRequested();
                plan.Optimizer.ClearGradients();
                plan.Step(epoch, step);
                plan.Optimizer.Step(device);
            }
            plan.Validate(epoch);
            return clock.Elapsed.TotalSeconds;
        }
    }

    private static ScSurvData RandomData(int cells, int genes, int patients, double density)
    {
        var random = new RandomStream(RandomKey.From(0, "scsurv benchmark data"));
        var pointers = new long[cells + 1];
        List<int> indices = [];
        List<float> values = [];
        for (int c = 0; c < cells; c++)
        {
            for (int g = 0; g < genes; g++)
            {
                if (random.NextUniform() >= density) continue;
                indices.Add(g);
                values.Add(1 + random.NextInt32(4));
            }
            pointers[c + 1] = indices.Count;
        }
        string[] Names(string prefix, int n) => [.. Enumerable.Range(0, n).Select(i => prefix + i)];
        // Packed, as a fit keeps them.
        PackedMatrix counts = PackedMatrix.Of(new SparseMatrix(cells, genes, pointers, [.. indices], [.. values]));
        float[] bulk = [.. Enumerable.Range(0, patients * genes).Select(_ => (float)random.NextInt32(2000))];
        float[] size = [.. Enumerable.Repeat(1000f, patients)];
        return new ScSurvData(Names("gene", genes), new ReferenceCells(Names("cell", cells), counts, [.. Enumerable.Range(0, cells).Select(c => c % 8)], Names("sample", 8)),
            new Mixtures(Names("patient", patients), bulk, size), [.. Enumerable.Range(0, patients).Select(_ => 1 + 1000 * random.NextUniform())],
            [.. Enumerable.Range(0, patients).Select(i => i % 3 != 0)], [.. Enumerable.Range(0, patients).Select(i => i % 5 < 3 ? Split.Train : i % 5 == 3 ? Split.Validation : Split.Test)], null);
    }
}
