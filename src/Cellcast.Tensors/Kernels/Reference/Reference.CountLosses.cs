namespace Cellcast.Tensors.Kernels;

public static partial class Reference
{
    /// <summary><see cref="CountDecoderLoss"/>: Poisson where <paramref name="dispersion"/> is empty, negative binomial elsewhere.</summary>
    public static double DecoderLoss(ReadOnlySpan<float> hidden, int h, ReadOnlySpan<float> weight, ReadOnlySpan<float> bias, CsrView counts, ReadOnlySpan<int> rows,
        ReadOnlySpan<float> sizeFactors, ReadOnlySpan<float> dispersion, double logFactorials, DecoderGradients gradients)
    {
        int genes = counts.Columns;
        var x = new double[genes];
        var dWeight = new double[genes * h];
        var dBias = new double[genes];
        var dDispersion = new double[genes];
        var dHidden = new double[h];
        double loss = logFactorials;
        for (int c = 0; c < rows.Length; c++)
        {
            Array.Clear(x);
            Array.Clear(dHidden);
            for (long e = counts.RowStart[rows[c]]; e < counts.RowStart[rows[c] + 1]; e++)
                x[counts.ColumnIndices[(int)(e - counts.Offset)]] = counts.Values[(int)(e - counts.Offset)];
            for (int g = 0; g < genes; g++)
            {
                double logit = bias[g];
                for (int j = 0; j < h; j++) logit += (double)hidden[c * h + j] * weight[g * h + j];
                double mean = sizeFactors[c] * Softplus(logit) + NegativeBinomialLoss.Offset, dMean;
                if (dispersion.IsEmpty)
                {
                    loss += x[g] == 0 ? mean : mean - x[g] * Math.Log(mean);
                    dMean = 1 - x[g] / mean;
                }
                else
                {
                    var (l, dm, dt) = NegativeBinomialTerm(x[g], mean, dispersion[g] + NegativeBinomialLoss.Offset);
                    loss += l;
                    dMean = dm;
                    dDispersion[g] += dt;
                }
                double d = dMean * sizeFactors[c] * Sigmoid(logit);
                dBias[g] += d;
                for (int j = 0; j < h; j++)
                {
                    dWeight[g * h + j] += d * hidden[c * h + j];
                    dHidden[j] += d * weight[g * h + j];
                }
            }
            if (!gradients.Hidden.IsEmpty) Store(dHidden, gradients.Hidden.Slice(c * h, h), gradients.Accumulate);
        }
        Store(dWeight, gradients.Weight, gradients.Accumulate);
        Store(dBias, gradients.Bias, gradients.Accumulate);
        Store(dDispersion, gradients.Dispersion, gradients.Accumulate);
        return loss;

        static void Store(double[] from, Span<float> to, bool accumulate)
        {
            if (to.IsEmpty) return;
            for (int i = 0; i < from.Length; i++) to[i] = (accumulate ? to[i] : 0f) + (float)from[i];
        }
    }

    /// <inheritdoc cref="NegativeBinomialLoss.Evaluate"/>
    public static double NegativeBinomial(ReadOnlySpan<float> mean, ReadOnlySpan<float> dispersion, ReadOnlySpan<float> counts, int samples, int genes,
        double constant, Span<float> dMean, Span<float> dDispersion)
    {
        double loss = constant;
        for (int g = 0; g < genes; g++)
        {
            double sum = 0;
            for (int s = 0; s < samples; s++)
            {
                int p = s * genes + g;
                var (l, dm, dt) = NegativeBinomialTerm(counts[p], mean[p] + NegativeBinomialLoss.Offset, dispersion[g] + NegativeBinomialLoss.Offset);
                // The term of the reference keeps all but log(x!); the constant lacks x log(x) - x.
                loss += l + (counts[p] > 0 ? counts[p] * (Math.Log(counts[p]) - 1) : 0);
                sum += dt;
                if (!dMean.IsEmpty) dMean[p] = (float)dm;
            }
            if (!dDispersion.IsEmpty) dDispersion[g] = (float)sum;
        }
        return loss;
    }

    /// <summary>Minus the log likelihood of one count without its log factorial, and its derivatives with respect to mean and dispersion.</summary>
    public static (double Loss, double DMean, double DDispersion) NegativeBinomialTerm(double x, double mean, double theta)
    {
        double logZero = -LogOnePlus(mean / theta);
        double loss = -LogGammaDifference(x, theta) - theta * logZero - (x == 0 ? 0 : x * Math.Log(mean / (theta + mean)));
        double dMean = theta * (mean - x) / (mean * (theta + mean));
        double dTheta = -DigammaDifference(x, theta) - logZero + (x - mean) / (theta + mean);
        return (loss, dMean, dTheta);
    }
}
