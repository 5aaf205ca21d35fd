using System.Diagnostics;
using Cellcast.AnnData;
using Cellcast.Models.Training;
using Cellcast.Tensors;
using Cellcast.Tensors.Random;

namespace Cellcast.Models.ScSurv;

/// <summary>Wall time of one epoch of a stage, validation included.</summary>
/// <param name="Stage">Name of the stage.</param>
/// <param name="Steps">Optimiser steps in it.</param>
/// <param name="Seconds">The fastest of the epochs that were timed.</param>
public sealed record EpochTiming(string Stage, int Steps, double Seconds);

/// <summary>What an epoch of each stage of scSurv costs on this machine, on random counts of a stated size.</summary>
public static class ScSurvBenchmark
{
    /// <summary>Times each stage after one epoch that warms up.</summary>
    /// <param name="device">Computes.</param>
    /// <param name="cells">Cells of the reference.</param>
    /// <param name="genes">Genes.</param>
    /// <param name="patients">Patients of the cohort.</param>
    /// <param name="density">Share of counts that are not zero.</param>
    /// <param name="epochs">Epochs timed per stage.</param>
    /// <param name="cancellation">Ends the run between two steps.</param>
    public static IReadOnlyList<EpochTiming> Run(Device device, int cells = 10_000, int genes = 5_000, int patients = 400, double density = 0.19, int epochs = 3, CancellationToken cancellation = default)
    {
        ScSurvData data = RandomData(cells, genes, patients, density);
        ScSurvOptions options = new();
        RandomKey key = RandomKey.From(0, "scsurv benchmark");
        int[] fitted = [.. Enumerable.Range(0, patients)];
        var module = new ScSurvModule(new ScSurvSizes(genes, data.Cells.SampleColumns, patients, 0, options.Latent, options.Hidden, options.Blocks), key);
        var stages = new ScSurvStages(module, data, options, device, key);
        var timings = new List<EpochTiming> { Time(stages.Cells(), device, epochs, cancellation) };
        Posterior posterior = Posterior.Encode(device, module, data.Cells);
        timings.Add(Time(stages.Mixture("bulk", module.Bulk, module.BulkGenes, module.BulkParameters, data.Patients, posterior, options.Bulk), device, epochs, cancellation));
        timings.Add(Time(stages.Hazard(posterior, [.. fitted.Where(i => data.Splits[i] == Split.Train)], [.. fitted.Where(i => data.Splits[i] == Split.Validation)]), device, epochs, cancellation));
        return timings;
    }

    private static EpochTiming Time(StagePlan plan, Device device, int epochs, CancellationToken cancellation)
    {
        double best = double.PositiveInfinity;
        for (int epoch = 0; epoch <= epochs; epoch++)
        {
            var clock = Stopwatch.StartNew();
            for (int step = 0; step < plan.StepsPerEpoch; step++)
            {
                cancellation.ThrowIfCancellationRequested();
                plan.Optimizer.ClearGradients();
                plan.Step(epoch, step);
                plan.Optimizer.Step(device);
            }
            plan.Validate(epoch);
            if (epoch > 0) best = Math.Min(best, clock.Elapsed.TotalSeconds);
        }
        return new EpochTiming(plan.Name, plan.StepsPerEpoch, best);
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
        var counts = new SparseMatrix(cells, genes, pointers, [.. indices], [.. values]);
        float[] bulk = [.. Enumerable.Range(0, patients * genes).Select(_ => (float)random.NextInt32(2000))];
        float[] size = [.. Enumerable.Repeat(1000f, patients)];
        return new ScSurvData(Names("gene", genes), new ReferenceCells(Names("cell", cells), counts, [.. Enumerable.Range(0, cells).Select(c => c % 8)], Names("sample", 8)),
            new Mixtures(Names("patient", patients), bulk, size), [.. Enumerable.Range(0, patients).Select(_ => 1 + 1000 * random.NextUniform())],
            [.. Enumerable.Range(0, patients).Select(i => i % 3 != 0)], [.. Enumerable.Range(0, patients).Select(i => i % 5 < 3 ? Split.Train : i % 5 == 3 ? Split.Validation : Split.Test)], null);
    }
}
