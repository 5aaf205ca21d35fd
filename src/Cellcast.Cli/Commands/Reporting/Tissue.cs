using Cellcast.AnnData;
using Cellcast.Reports;

namespace Cellcast.Cli.Commands.Reporting;

/// <summary>The picture below spots, from <c>uns['spatial']</c> as Space Ranger's readers leave it.</summary>
/// <param name="Image">The picture, in pixels of the stored image.</param>
/// <param name="Scale">Pixels of it per unit of <c>obsm['spatial']</c>.</param>
/// <param name="Diameter">Diameter of a spot in pixels of it; null when unknown.</param>
internal sealed record Tissue(TissueImage Image, double Scale, double? Diameter)
{
    /// <summary>The first library's image, the larger of the two; null when there is none that can be placed.</summary>
    internal static Tissue? Of(AnnotatedData spots)
    {
        if (!spots.Uns.TryGet("spatial", out ElementMap? libraries)) return null;
        foreach (var (_, entry) in libraries)
        {
            if (entry is not ElementMap library || !library.TryGet("images", out ElementMap? images) || !library.TryGet("scalefactors", out ElementMap? factors)) continue;
            foreach (string size in (string[])["hires", "lowres"])
            {
                if (!images.TryGet(size, out NdArray? image) || !factors.TryGet($"tissue_{size}_scalef", out Scalar? scale)) continue;
                if (image.Shape is not [var height, var width, var channels] || channels is not (1 or 3 or 4)) continue;
                double? diameter = factors.TryGet("spot_diameter_fullres", out Scalar? d) ? d.ToDouble() * scale.ToDouble() : null;
                return new Tissue(new TissueImage(PngPicture.DataAddress(Rgb(image, channels), width, height), width, height), scale.ToDouble(), diameter);
            }
        }
        return null;
    }

    // Whole numbers are 0 to 255; anything else is 0 to 1, as matplotlib reads images.
    private static byte[] Rgb(NdArray image, int channels)
    {
        bool whole = image.Data is byte[];
        double[]? values = whole ? null : image.ToDouble();
        byte At(int i) => whole ? ((byte[])image.Data)[i] : (byte)Math.Clamp(Math.Round(values![i] * 255), 0, 255);
        int pixels = image.Shape[0] * image.Shape[1];
        var rgb = new byte[pixels * 3];
        for (int p = 0; p < pixels; p++)
            for (int c = 0; c < 3; c++)
            {
                byte v = At(p * channels + (channels == 1 ? 0 : c));
                if (channels == 4) v = (byte)(255 - (255 - v) * At(p * 4 + 3) / 255);
                rgb[p * 3 + c] = v;
            }
        return rgb;
    }
}
