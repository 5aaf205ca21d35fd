using Cellcast.Analysis.Statistics;
using Cellcast.AnnData;
using Cellcast.Models.ScSurv;
using Cellcast.Tensors.Random;

namespace Cellcast.Models.Tests.ScSurv;

/// <summary>Patients mixed from six types, two of which are much alike, by genes whose efficiency differs from the cells'.</summary>
public sealed class TypeShareCorrectionTests
{
    private const int Genes = 300, Types = 6, Patients = 60, Depth = 300;

    [Fact]
    public void Shares_that_confuse_types_are_put_right()
    {
        Study study = Make();
        // Three tenths of the second type are taken for the first, and everything is drawn towards the average.
        double[] found = [.. study.Truth];
        for (int s = 0; s < Patients; s++)
        {
            Span<double> own = found.AsSpan(s * Types, Types);
            double moved = 0.3 * own[1];
            (own[0], own[1]) = (own[0] + moved, own[1] - moved);
            for (int t = 0; t < Types; t++) own[t] = 0.5 * own[t] + 0.5 / Types;
        }
        double[] corrected = Correct(study, found);
        Assert.True(Error(corrected, study.Truth) < 0.4 * Error(found, study.Truth), $"{Error(found, study.Truth)}, {Error(corrected, study.Truth)}");
        for (int t = 0; t < Types; t++) Assert.True(Over(corrected, study.Truth, t) > 0.97, $"type {t}: {Over(corrected, study.Truth, t)}");
    }

    [Fact]
    public void Shares_that_are_right_stay_as_they_are()
    {
        Study study = Make();
        double[] corrected = Correct(study, study.Truth);
        Assert.True(Error(corrected, study.Truth) < 0.01, $"{Error(corrected, study.Truth)}");
        for (int t = 0; t < Types; t++) Assert.True(Over(corrected, study.Truth, t) > 0.99);
    }

    [Fact]
    public void Rows_keep_their_sum_nothing_is_negative_and_threads_change_no_bit()
    {
        Study study = Make();
        double[] found = [.. study.Truth.Select((v, i) => 0.9 * (i % Types == 3 ? 0 : v))], one = Correct(study, found, threads: 1), three = Correct(study, found, threads: 3);
        Assert.Equal(one, three);
        Assert.True(one.Min() >= 0);
        for (int s = 0; s < Patients; s++) Assert.Equal(found.AsSpan(s * Types, Types).ToArray().Sum(), one.AsSpan(s * Types, Types).ToArray().Sum(), 12);
        // A type that the networks saw nothing of is found all the same.
        Assert.True(Over(one, study.Truth, 3) > 0.95);
    }

    [Fact]
    public void A_patient_is_corrected_the_same_alone_and_with_half_of_the_genes_nearly_so()
    {
        Study study = Make();
        double[] found = [.. Enumerable.Repeat(1.0 / Types, Patients * Types)];
        TypeShareCorrection model = Learn(study, found, 1);
        double[] all = model.Apply(study.Mixtures, found, null, 1), alone = model.Apply(study.Mixtures.Select([7]), found[..Types], null, 1);
        Assert.Equal(all.AsSpan(7 * Types, Types).ToArray(), alone);
        int[] half = [.. Enumerable.Range(0, Genes).Where(g => g % 2 == 0)];
        float[] counts = [.. study.Mixtures.Counts.Select((v, i) => i % Genes % 2 == 0 ? v : float.NaN)];
        double[] some = model.Apply(study.Mixtures with { Counts = counts }, found, half, 1);
        for (int t = 0; t < Types; t++) Assert.True(Over(some, study.Truth, t) > 0.93, $"type {t}: {Over(some, study.Truth, t)}");
    }

    [Fact]
    public void Cells_get_their_types_correction_in_proportion()
    {
        float[] shares = [.1f, 0, .3f, 0, .6f, 1];
        var store = new RowStore(3, 2, shares);
        TypeShareCorrection.Rescale(store, [0, 0, 1], [.4, .6, 0, 1], [.2, .8, .5, .5], 1);
        float[] expected = [.05f, .25f, .15f, .25f, .8f, .5f], after = store.ToArray();
        for (int i = 0; i < expected.Length; i++) Assert.Equal(expected[i], after[i], 6);
    }

    private static TypeShareCorrection Learn(Study study, double[] found, int threads) => TypeShareCorrection.Learn(study.Profiles, study.Mixtures, found, [.. Enumerable.Range(0, Patients)], threads);

    private static double[] Correct(Study study, double[] found, int threads = 1) => Learn(study, found, threads).Apply(study.Mixtures, found, null, threads);

    private static double Error(double[] a, double[] b) => Math.Sqrt(a.Zip(b, (x, y) => (x - y) * (x - y)).Average());

    private static double Over(double[] a, double[] b, int type) =>
        Correlation.Pearson([.. Enumerable.Range(0, Patients).Select(s => a[s * Types + type])], [.. Enumerable.Range(0, Patients).Select(s => b[s * Types + type])]).Coefficient;

    private static Study Make()
    {
        var random = new RandomStream(RandomKey.From(3, "type shares"));
        double[] profiles = new double[Types * Genes], truth = new double[Patients * Types], efficiency = [.. Enumerable.Range(0, Genes).Select(_ => Math.Exp(0.5 * random.NextNormal()))];
        for (int g = 0; g < Genes; g++)
            for (int t = 0; t < Types; t++)
                profiles[t * Genes + g] = t == 1 ? profiles[g] * Math.Exp(0.4 * random.NextNormal()) : Math.Exp(random.NextNormal());
        for (int t = 0; t < Types; t++)
        {
            double mean = Enumerable.Range(0, Genes).Average(g => profiles[t * Genes + g]);
            for (int g = 0; g < Genes; g++) profiles[t * Genes + g] /= mean;
        }
        var counts = new float[Patients * Genes];
        for (int s = 0; s < Patients; s++)
        {
            double total = 0;
            for (int t = 0; t < Types; t++) total += truth[s * Types + t] = random.NextExponential();
            for (int t = 0; t < Types; t++) truth[s * Types + t] /= total;
            for (int g = 0; g < Genes; g++)
                counts[s * Genes + g] = random.NextPoisson(Depth * efficiency[g] * Enumerable.Range(0, Types).Sum(t => truth[s * Types + t] * profiles[t * Genes + g]) * Math.Exp(0.1 * random.NextNormal()));
        }
        return new Study(profiles, truth, Mixtures.From([.. Enumerable.Range(0, Patients).Select(i => $"patient{i}")], SparseMatrix.FromDense(Patients, Genes, counts)));
    }

    private sealed record Study(double[] Profiles, double[] Truth, Mixtures Mixtures);
}
