using Cellcast.AnnData;
using Cellcast.Models.ScSurv;
using Cellcast.Tensors;
using Cellcast.Tensors.Autodiff;
using Cellcast.Tensors.Nn;
using Cellcast.Tensors.Random;

namespace Cellcast.Models.Tests.ScSurv;

/// <summary>Mean shares of cells in patients, over more cells than one block holds.</summary>
public class ShareAverageTests
{
    private const int Cells = 20_000, Latent = 3, Patients = 4;

    private static readonly RandomKey s_key = RandomKey.From(5, "shares");

    [Fact]
    public void Without_spread_the_mean_share_is_the_softmax_over_all_cells_at_the_mean()
    {
        Decoder decoder = NewDecoder("bulk", Patients);
        using var device = new CpuDevice(2);
        float[] mu = Normal("mu"), shares = new Posterior(device, mu, new float[mu.Length], new int[Cells], 1).MeanShares(decoder, 2, s_key);

        float[] logits = decoder.Forward(new Tape(device, recordGradients: false).Input(mu, Cells, Latent)).ToArray();
        for (int s = 0; s < Patients; s++)
        {
            double[] e = [.. Enumerable.Range(0, Cells).Select(c => Math.Exp(logits[c * Patients + s]))];
            double total = e.Sum();
            for (int c = 0; c < Cells; c++) Assert.Equal(e[c] / total, shares[c * Patients + s], 1e-5 * e[c] / total);
        }
    }

    [Fact]
    public void Shares_are_the_same_bits_for_any_number_of_threads()
    {
        Decoder decoder = NewDecoder("bulk", Patients);
        float[] With(int threads)
        {
            using var device = new CpuDevice(threads);
            return NewPosterior(device).MeanShares(decoder, 3, s_key);
        }
        Assert.True(With(1).AsSpan().SequenceEqual(With(3)));
    }

    [Fact]
    public void Decoders_averaged_together_give_each_the_shares_that_it_has_alone()
    {
        Decoder bulk = NewDecoder("bulk", Patients), projected = bulk.WithOutput(new Linear("projected", 16, 2, s_key.Split("projected"))), spatial = NewDecoder("spatial", 4);
        using var device = new CpuDevice(2);
        Posterior posterior = NewPosterior(device);
        int all = Patients + 2 + 4;
        // The two projected patients stand between the others.
        int[] fitted = [.. Enumerable.Range(0, Patients + 2).Where(i => i is not (1 or 4))], held = [1, 4], spots = [6, 7, 8, 9];
        var together = new RowStore(Cells, all, new float[Cells * all]);
        posterior.FillMeanShares([(bulk, fitted), (projected, held), (spatial, spots)], 3, s_key, together);
        foreach (var (decoder, columns) in new[] { (bulk, fitted), (projected, held), (spatial, spots) })
        {
            float[] alone = posterior.MeanShares(decoder, 3, s_key), here = together.ToArray();
            for (int c = 0; c < Cells; c++)
                for (int i = 0; i < columns.Length; i++) Assert.Equal(alone[c * columns.Length + i], here[c * all + columns[i]]);
        }
    }

    private static Decoder NewDecoder(string name, int outputs) => new(name, Latent, 16, outputs, 2, s_key.Split(name));

    private static Posterior NewPosterior(CpuDevice device) => new(device, Normal("mu"), [.. Normal("sigma").Select(x => 0.3f * Math.Abs(x))], new int[Cells], 1);

    private static float[] Normal(string name)
    {
        var values = new float[Cells * Latent];
        RandomFill.Normal(s_key.Split(name), values);
        return values;
    }
}
